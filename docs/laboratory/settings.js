/* The form: size, levels, rules; presets; the window as numbers. It reads and writes fields, and decides nothing. */
"use strict";

const Settings = (() => {
  const byId = (id) => document.getElementById(id);
  let onChange, onPreset, currentState;

  function radios(holder, name, choices) {
    for (const [value, [title]] of Object.entries(choices)) {
      const label = document.createElement("label");
      label.className = "chip";
      const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
      const text = document.createElement("span");
      text.textContent = title;
      input.addEventListener("change", () => onChange({ [name]: value }));
      label.append(input, text);
      holder.append(label);
    }
  }

  /* A field whose text is used as soon as it makes sense; until then it is marked, and the state stays. */
  function field(id, read, change) {
    const input = byId(id);
    let from; // the state when typing began
    input.addEventListener("focus", () => (from = currentState()));
    input.addEventListener("input", () => {
      const value = read(input.value);
      input.setAttribute("aria-invalid", String(value === null));
      if (value !== null) onChange(change(value), from);
    });
    input.addEventListener("blur", () => write(input, input.dataset.value));
  }

  function write(input, text) {
    input.dataset.value = text;
    if (document.activeElement === input && input.getAttribute("aria-invalid") === "true") return;
    input.setAttribute("aria-invalid", "false");
    if (document.activeElement !== input || !same(input, text)) input.value = text;
  }

  /* What is being typed is left alone if it already says the same. */
  function same(input, text) {
    if (input.type === "number") return Number(input.value) === Number(text) && input.value !== "";
    const typed = Address.parseLevels(input.value);
    return typed !== null && Address.formatLevels(typed) === text.replaceAll(" ", "");
  }

  function between(low, high) {
    return (text) => (/^\d+$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : null);
  }

  function start({ change, current, preset, whole }) {
    [onChange, onPreset, currentState] = [change, preset, current];
    radios(byId("rules"), "rule", Stories.RULES);
    radios(byId("mappings"), "mapping", Stories.MAPPINGS);
    const cells = between(1, Address.LIMITS.cells);
    field("height", cells, (height) => ({ height }));
    field("width", cells, (width) => ({ width }));
    field("levels", Address.parseLevels, (levels) => ({ levels }));
    [0, 1, 2, 3].forEach((i) => field(`edge-${i}`, (text) => edge(i, text), (window) => ({ window })));
    byId("whole").addEventListener("click", whole);
    byId("settings").addEventListener("submit", (event) => event.preventDefault());
    for (const { name, hash } of Stories.PRESETS) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "chip", textContent: name });
      button.addEventListener("click", () => onPreset(hash));
      byId("presets").append(button);
    }
  }

  /* The window with edge i as typed, or null. */
  function edge(i, text) {
    const edges = [0, 1, 2, 3].map((k) => Number(byId(`edge-${k}`).dataset.value));
    const limit = Number(byId(`edge-${i}`).max);
    const value = between(0, limit)(text);
    if (value === null) return null;
    edges[i] = value;
    return edges[0] < edges[2] && edges[1] < edges[3] ? edges : null;
  }

  function draw(model) {
    const { state, picture } = model;
    write(byId("height"), String(state.height));
    write(byId("width"), String(state.width));
    write(byId("levels"), Address.formatLevels(state.levels).replaceAll(",", ", "));
    state.window.forEach((value, i) => {
      byId(`edge-${i}`).max = i % 2 ? picture.width : picture.height;
      write(byId(`edge-${i}`), String(value));
    });
    for (const [name, choices] of [["rule", Stories.RULES], ["mapping", Stories.MAPPINGS]]) {
      document.querySelector(`input[name=${name}][value=${state[name]}]`).checked = true;
      byId(`${name}-help`).textContent = choices[state[name]][1];
    }
    const hash = Address.format(state);
    Stories.PRESETS.forEach((preset, i) => {
      byId("presets").children[i].setAttribute("aria-pressed", String(preset.hash === hash));
    });
    const story = Stories.PRESETS.find((preset) => preset.hash === hash);
    if (story) byId("story").textContent = story.story;
    byId("story").hidden = !sameMap(state);
  }

  /* A story stays while its map, levels and rule do; then it no longer speaks of what is shown. */
  function sameMap(state) {
    const settings = (hash) => hash.split("&").slice(0, 3).join("&");
    const told = Stories.PRESETS.find(({ story }) => story === byId("story").textContent);
    return told !== undefined && settings(told.hash) === settings(Address.format(state));
  }

  return { draw, start };
})();
