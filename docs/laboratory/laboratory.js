/* The laboratory: one state, one way to change it, and everything drawn from it. */
"use strict";

const Laboratory = (() => {
  const byId = (id) => document.getElementById(id);
  let state, model;
  let pointed = null; // number of the entry under the mouse, shown in place of the chosen bin while it is there
  let speaking, addressing;

  const shown = () => model.bins[pointed ?? state.bin];

  // -------------------------------------------------------------------------------------------------
  // Changing

  /* Take some new values; whatever they leave impossible is brought back into the picture.

     `from` is the state whose window and bin are kept as far as possible. While a number is being typed, "13" passes
     through "1", and what that cuts off must come back. */
  function change(values, from = state) {
    const whole = String(from.window) === String(Address.wholePicture(from.height, from.width));
    const next = { ...state, window: from.window, bin: from.bin, ...values };
    const [, , bottom, right] = Address.wholePicture(next.height, next.width);
    if (whole && !values.window) next.window = [0, 0, bottom, right];
    next.window = inside(next.window, bottom, right);
    next.bin = Geometry.clip(next.bin, 0, Geometry.countBins(next.levels) - 1);
    show(next);
    say(Words.spoken(model, shown()));
    remember();
  }

  function inside([top, left, bottom, right], height, width) {
    const low = [Math.min(top, height - 1), Math.min(left, width - 1)];
    return [...low, Geometry.clip(bottom, low[0] + 1, height), Geometry.clip(right, low[1] + 1, width)];
  }

  function show(next) {
    state = next;
    pointed = null;
    model = Pooling.describe(state);
    draw();
  }

  // -------------------------------------------------------------------------------------------------
  // Drawing

  function draw() {
    const bin = shown();
    Settings.draw(model);
    Stage.draw(model, bin);
    MapView.draw(model, bin);
    VectorView.draw(model, bin);
    drawWords(bin);
    Cards.draw(model, bin);
  }

  function drawWords(bin) {
    const { picture } = model;
    const [top, left, bottom, right] = model.window;
    byId("picture-title").textContent = `The picture, ${Words.times(picture.height, picture.width)} pixels`;
    byId("map-title").textContent = `The map, ${Words.times(state.height, state.width)} cells`;
    const held = `${Words.interval("rows", top, bottom)}, ${Words.interval("columns", left, right)}`;
    const size = Words.times(state.height, state.width);
    byId("cells").setAttribute("aria-label", `Map of ${size} cells; the window holds ${held}`);
    const { exists, vertical, horizontal } = model.levels[bin.level];
    byId("facts").textContent = Words.facts(model, model.levels[bin.level]);
    byId("legend-extra").hidden = !exists || vertical.extra.length + horizontal.extra.length === 0;
    byId("position").textContent = `${Words.position(model, bin)} — ${Words.outcome(bin)}`;
    const slider = byId("slider");
    slider.max = model.bins.length - 1;
    slider.value = state.bin;
    slider.setAttribute("aria-valuetext", `${Words.position(model, bin)}: ${Words.outcome(bin)}`);
    byId("previous").disabled = state.bin === 0;
    byId("next").disabled = state.bin === model.bins.length - 1;
  }

  // -------------------------------------------------------------------------------------------------
  // Pointing, choosing, speaking, remembering

  function point(index) {
    if (index === pointed) return;
    pointed = index;
    draw();
  }

  function choose(bin) {
    if (bin !== state.bin) change({ bin });
  }

  const holding = (place) => model.bins.filter((bin) => Pooling.holds(bin, ...place));

  function pointCell(place) {
    VectorView.mark(model, place);
    const words = place ? Words.cell(model, place, holding(place)) : "";
    byId("reading").textContent = words;
    if (place) say(words);
  }

  /* The first bin of this level that holds the cell; if it is chosen already, the next one. */
  function chooseCell(place) {
    const { level } = model.bins[state.bin];
    const held = holding(place).filter((bin) => bin.level === level).map((bin) => bin.index);
    if (held.length) choose(held[(held.indexOf(state.bin) + 1) % held.length]);
  }

  function say(text) {
    clearTimeout(speaking);
    speaking = setTimeout(() => (byId("live").textContent = text), 400);
  }

  /* Browsers count how often a page writes its address, and a drag would write it at every pixel. */
  function remember() {
    clearTimeout(addressing);
    addressing = setTimeout(write, 150);
  }

  function write() {
    clearTimeout(addressing);
    warn([]);
    if (location.hash !== Address.format(state)) history.replaceState(null, "", Address.format(state));
  }

  function read() {
    clearTimeout(addressing);
    const { state: found, problems } = Address.parse(location.hash);
    show(found);
    say(Words.spoken(model, shown()));
    warn(problems);
  }

  function warn(problems) {
    const paragraphs = problems.map((text) => Object.assign(document.createElement("p"), { textContent: text }));
    const head = document.createElement("b");
    head.textContent = "This address could not be used as it is.";
    byId("problems").replaceChildren(...(problems.length ? [head, ...paragraphs] : []));
    byId("problems").hidden = problems.length === 0;
  }

  async function copy() {
    write();
    try {
      await navigator.clipboard.writeText(location.href);
      byId("copy").textContent = "Copied";
    } catch {
      byId("copy").textContent = "It is in the address bar";
    }
    setTimeout(() => (byId("copy").textContent = "Copy link"), 1600);
  }

  // -------------------------------------------------------------------------------------------------

  function start() {
    Settings.start({
      change,
      current: () => state,
      preset: (hash) => change(Address.parse(hash).state),
      whole: () => change({ window: Address.wholePicture(state.height, state.width) }),
    });
    Stage.start((window) => change({ window }));
    MapView.start({ point: pointCell, choose: chooseCell });
    VectorView.start({ choose, point });
    byId("slider").addEventListener("input", (event) => choose(Number(event.target.value)));
    byId("previous").addEventListener("click", () => choose(Math.max(state.bin - 1, 0)));
    byId("next").addEventListener("click", () => choose(Math.min(state.bin + 1, model.bins.length - 1)));
    byId("copy").addEventListener("click", copy);
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault(); // its target must not become the address
      byId("move").focus();
    });
    addEventListener("hashchange", read);
    addEventListener("resize", draw);
    read();
  }

  start();
  return { state: () => state, model: () => model };
})();
