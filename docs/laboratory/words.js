/* What is shown, in words: for captions, and for those who hear the page. */
"use strict";

const Words = (() => {
  const number = (n, noun, plural = `${noun}s`) => `${n} ${n === 1 ? noun : plural}`;
  const times = (rows, columns) => `${rows} × ${columns}`;
  const signed = (n) => (n < 0 ? `−${-n}` : String(n));
  const interval = (name, start, stop) => `${name} ${start} to ${stop}`;

  function level({ rows, columns }) {
    return times(rows, columns);
  }

  /* Bins, missed and shared cells of a level. */
  function facts(model, described) {
    const { vertical, horizontal, rows, columns, missed, shared, most } = described;
    const [height, width] = [vertical.size, horizontal.size];
    if (!described.exists) {
      const [cells, bins] = vertical.exists ? [width, columns] : [height, rows];
      const why = `${number(cells, "cell")} for ${number(bins, "bin")} would be a stride of 0`;
      return `Level ${times(rows, columns)} does not exist under this rule: ${why}.`;
    }
    const made = [vertical, horizontal].map((one) => one.whole.length);
    const extra = made[0] * made[1] - rows * columns;
    const kept = "a vector of fixed length keeps the first";
    const surplus = ` The rule makes ${times(...made)} positions, ${extra} too many; ${kept}.`;
    const lost = `${missed === 0 ? "no cell" : number(missed, "cell")} of ${height * width} missed`;
    const limit = most > 2 ? `, up to ${most} times` : "";
    const often = shared === 0 ? "none counted twice" : `${shared} counted twice or more${limit}`;
    const empty = model.bins.filter((bin) => bin.level === described.position && bin.kind === "empty").length;
    const hollow = empty ? ` ${number(empty, "bin is", "bins are")} empty.` : "";
    return `Level ${times(rows, columns)}: ${lost}, ${often}.${hollow}${extra ? surplus : ""}`;
  }

  /* Where a level's bins come from. */
  function source(model, described) {
    if (!described.exists) return "which this rule cannot make";
    if (model.state.rule !== "paper" || described.finer === null) return "pooled from the map";
    return `${described.rows * described.columns === 1 ? "the union" : "unions"} of bins of ${level(model.levels[described.finer])}`;
  }

  function value(bin) {
    return { pooled: signed(bin.value), empty: "∅", none: "×" }[bin.kind];
  }

  function position(model, bin) {
    const where = `level ${level(model.levels[bin.level])}, row ${bin.row}, column ${bin.column}`;
    return `Bin ${bin.index + 1} of ${model.bins.length}: ${where}`;
  }

  function outcome(bin) {
    if (bin.kind === "none") return "the rule does not exist here";
    if (bin.kind === "empty") return "empty, not one cell";
    if (bin.place === null) return "value 0, won by the padding";
    return `value ${signed(bin.value)}, won by the cell in row ${bin.place[0]}, column ${bin.place[1]}`;
  }

  function cells(bin) {
    if (!bin.cells) return "";
    return `${interval("rows", bin.cells[0], bin.cells[2])}, ${interval("columns", bin.cells[1], bin.cells[3])}`;
  }

  /* What has changed, in one breath. */
  function spoken(model, bin) {
    const [top, left, bottom, right] = model.state.window;
    const window = `Window ${interval("rows", top, bottom)}, ${interval("columns", left, right)} pixels`;
    const [r0, c0, r1, c1] = model.window;
    const seen = `cells ${interval("rows", r0, r1)}, ${interval("columns", c0, c1)}`;
    const found = [cells(bin), outcome(bin)].filter(Boolean).join("; ");
    return `${window}; ${seen}. ${position(model, bin)}: ${found}. ${facts(model, model.levels[bin.level])}`;
  }

  /* A cell of the map, its value, and the bins of all levels that hold it. */
  function cell(model, [row, column], bins) {
    const wins = bins.filter((bin) => String(bin.place) === `${row},${column}`).length;
    const held = bins.length ? `in ${number(bins.length, "bin")}, of which it wins ${wins}` : "in no bin";
    return `Cell in row ${row}, column ${column}: ${signed(model.picture.features[row][column])}, ${held}.`;
  }

  return { cell, cells, facts, interval, level, number, outcome, position, signed, source, spoken, times, value };
})();
