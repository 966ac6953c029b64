/* The vector: an entry for each bin, level after level. */
"use strict";

const VectorView = (() => {
  let holder, caption, onChoose, onPoint, layout;
  let entries = [], heads = [];
  let marked = null; // the cell whose entries are marked

  function start({ choose, point }) {
    [onChoose, onPoint] = [choose, point];
    [holder, caption] = ["vector", "vector-caption"].map((id) => document.getElementById(id));
    const entryOf = (event) => event.target.closest("button[data-bin]");
    const indexOf = (event) => (entryOf(event) ? Number(entryOf(event).dataset.bin) : null);
    holder.addEventListener("focusin", (event) => indexOf(event) !== null && onChoose(indexOf(event)));
    holder.addEventListener("click", (event) => indexOf(event) !== null && onChoose(indexOf(event)));
    holder.addEventListener("pointerover", (event) => event.pointerType === "mouse" && onPoint(indexOf(event)));
    holder.addEventListener("pointerleave", () => onPoint(null));
    holder.addEventListener("keydown", (event) => {
      const index = indexOf(event);
      if (index === null) return;
      const row = rowLength(index);
      const last = entries.length - 1;
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -last, End: last };
      if (!(event.key in steps)) return;
      event.preventDefault();
      entries[Geometry.clip(index + steps[event.key], 0, last)].focus();
    });
  }

  /* How many entries stand side by side in the line of entry `index`. */
  function rowLength(index) {
    const line = (entry) => entry.getBoundingClientRect().top;
    return entries.filter((entry) => line(entry) === line(entries[index])).length;
  }

  function build(model) {
    entries = [];
    heads = model.levels.map((level) => {
      const head = document.createElement("p");
      head.className = "level-head";
      const list = document.createElement("div");
      list.className = "entries";
      list.setAttribute("role", "group");
      list.setAttribute("aria-label", `Level ${Words.level(level)}`);
      for (let row = 0; row < level.rows; row++) list.append(makeRow(level, row));
      return { head, list };
    });
    holder.replaceChildren(...heads.flatMap(({ head, list }) => [head, list]));
  }

  /* The entries of a row of bins: they stay together as long as there is room. */
  function makeRow(level, row) {
    const group = document.createElement("span");
    for (let column = 0; column < level.columns; column++) {
      const entry = document.createElement("button");
      entry.type = "button";
      entry.dataset.bin = level.first + row * level.columns + column;
      entry.append(document.createElement("i"), document.createElement("span"));
      group.append(entry);
      entries.push(entry);
    }
    return group;
  }

  function draw(model, shown) {
    const wanted = JSON.stringify(model.state.levels);
    if (wanted !== layout) build(model);
    layout = wanted;
    const values = model.bins.filter((bin) => bin.kind === "pooled").map((bin) => bin.value);
    const [low, high] = [Math.min(0, ...values), Math.max(1, ...values)];
    model.bins.forEach((bin, k) => {
      const entry = entries[k];
      const [bar, label] = entry.children;
      label.textContent = Words.value(bin);
      const share = bin.kind === "pooled" ? Math.round(((bin.value - low) * 100) / (high - low)) : 0;
      bar.style.height = `${(share * 24) / 100 + (bin.kind === "pooled" ? 2 : 0)}px`;
      entry.className = bin.kind;
      entry.classList.toggle("below", bin.value < 0);
      entry.classList.toggle("padding", bin.kind === "pooled" && !bin.place);
      entry.setAttribute("aria-label", `${Words.position(model, bin)}: ${Words.outcome(bin)}`);
      entry.setAttribute("aria-current", String(bin.index === shown.index));
      entry.tabIndex = bin.index === model.state.bin ? 0 : -1;
    });
    model.levels.forEach((level, i) => {
      const name = document.createElement("b");
      name.textContent = Words.level(level);
      const bins = Words.number(level.rows * level.columns, "bin");
      heads[i].head.replaceChildren(name, ` ${bins}, ${Words.source(model, level)}`);
    });
    caption.textContent = describe(model);
    mark(model, marked);
  }

  function describe(model) {
    const winners = new Set(model.bins.filter((bin) => bin.place).map((bin) => String(bin.place)));
    const total = Words.number(model.bins.length, "value");
    const none = model.bins.filter((bin) => bin.kind !== "pooled").length;
    const lost = none ? ` ${Words.number(none, "entry has", "entries have")} no value.` : "";
    const zeros = model.bins.filter((bin) => bin.kind === "pooled" && !bin.place).length;
    const padded = zeros ? ` ${Words.number(zeros, "is a zero", "are zeros")} of the padding.` : "";
    const cells = Words.number(winners.size, "winning cell");
    const size = `${total} for this channel, whatever the size of the map, from ${cells}`;
    return `${size}; the first cell in row-major order wins a tie.${lost}${padded}`;
  }

  /* Mark the entries whose bin holds a cell, and those that it wins; null clears. */
  function mark(model, place) {
    marked = place;
    model.bins.forEach((bin, k) => {
      const held = place !== null && Pooling.holds(bin, ...place);
      entries[k].classList.toggle("holds", held);
      entries[k].classList.toggle("won", held && String(bin.place) === String(place));
    });
  }

  return { draw, mark, start };
})();
