/* The arithmetic on cards: both axes of the window, both axes of the bin. */
"use strict";

const Cards = (() => {
  function draw(model, bin) {
    const { state } = model;
    const level = model.levels[bin.level];
    const [top, left, bottom, right] = state.window;
    const ofWindow = (name, start, stop, size, found) => {
      const steps = Arithmetic.interval(state.mapping, start, stop, Picture.FIELD, size, found);
      return card(`Window, ${name}`, `pixels ${start} to ${stop - 1} → cells`, steps);
    };
    const ofBin = (name, k, one, corner) => {
      const steps = Arithmetic.bin(state.rule, k, one.size, one.bins, corner);
      return card(`Bin, ${name}`, `bin ${k} of ${one.bins} on ${Words.number(one.size, "cell")}`, steps);
    };
    document.getElementById("arithmetic").replaceChildren(
      ofWindow("rows", top, bottom, state.height, model.rows),
      ofWindow("columns", left, right, state.width, model.columns),
      ofBin("rows", bin.row, level.vertical, model.window[0]),
      ofBin("columns", bin.column, level.horizontal, model.window[1]),
    );
  }

  function card(title, under, steps) {
    const section = document.createElement("section");
    const head = document.createElement("h3");
    const small = Object.assign(document.createElement("span"), { textContent: under });
    head.append(title, small);
    const list = document.createElement("dl");
    for (const { name, text, note } of steps) {
      const [term, what] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      what.append(formula(text));
      if (note) what.append(Object.assign(document.createElement("span"), { textContent: note }));
      list.append(term, what);
    }
    section.append(head, list);
    return section;
  }

  /* A chain whose lines break before "=", if they must. */
  function formula(text) {
    const code = document.createElement("code");
    text.split(" = ").forEach((link, i) => {
      code.append(i ? " " : "", Object.assign(document.createElement("span"), { textContent: i ? `= ${link}` : link }));
    });
    return code;
  }

  return { draw };
})();
