/* From a state to all that is shown of it: the cells of the window, its bins, their winners, the vector. No drawing. */
"use strict";

const Pooling = (() => {
  const { axis, boxToCells, count, covered, finerLevel, intervalToCells } = Geometry;

  /* The largest value of a bin, and the first cell in row-major order that has it.

     `reach` is the bin as its rule says, which may go beyond the window: there, the padded rule puts zeros. */
  function winner(features, cells, reach) {
    const [top, left, bottom, right] = cells;
    let value = null, place = null;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        if (value === null || features[row][column] > value) [value, place] = [features[row][column], [row, column]];
      }
    }
    const padding = reach.some((edge, i) => edge !== cells[i]);
    if (padding && (value === null || value < 0)) [value, place] = [0, null];
    return { value, place, padding };
  }

  /* A bin is "pooled", or "empty" if no cell and no padding lies in it, or "none" where the rule does not exist. */
  function makeBin(features, window, level, row, column) {
    const { vertical, horizontal } = level;
    const bin = { index: level.first + row * level.columns + column, level: level.position, row, column };
    if (!level.exists) return { ...bin, kind: "none", cells: null, value: null, place: null, padding: false };
    const place = (edges) => edges.map((edge, i) => edge + window[i % 2]);
    const [rows, columns] = [vertical.edges[row], horizontal.edges[column]];
    const cells = place([rows[0], columns[0], rows[1], columns[1]]);
    const [tall, wide] = [vertical.whole[row], horizontal.whole[column]];
    const found = winner(features, cells, place([tall[0], wide[0], tall[1], wide[1]]));
    return { ...bin, kind: found.value === null ? "empty" : "pooled", cells, ...found };
  }

  /* How often each cell of the window lies in a bin of the level: a product, for bins are products of intervals. */
  function tally(level) {
    const [rows, columns] = [level.vertical, level.horizontal].map((one) => covered(one.size, one.edges));
    const counts = rows.map((tall) => columns.map((wide) => (level.exists ? tall * wide : 0)));
    const flat = counts.flat();
    return {
      counts,
      missed: flat.filter((n) => n === 0).length,
      shared: flat.filter((n) => n > 1).length,
      most: Math.max(...flat),
    };
  }

  /* All that follows from { height, width, levels, rule, mapping, window, bin }. */
  function describe(state) {
    const { height, width, levels, rule, mapping } = state;
    const picture = Picture.ofMap(height, width);
    const [top, left, bottom, right] = state.window;
    const window = boxToCells(state.window, Picture.FIELD, height, width, mapping);
    const finer = finerLevel(levels);
    let first = 0;
    const described = levels.map(([rows, columns], position) => {
      const vertical = axis(rule, window[2] - window[0], rows);
      const horizontal = axis(rule, window[3] - window[1], columns);
      const exists = vertical.exists && horizontal.exists;
      const level = { position, rows, columns, first, vertical, horizontal, exists, finer: finer[position] };
      first += rows * columns;
      return { ...level, ...tally(level) };
    });
    const bins = described.flatMap((level) =>
      count(level.rows).flatMap((row) =>
        count(level.columns).map((column) => makeBin(picture.features, window, level, row, column)),
      ),
    );
    return {
      state, picture, window, levels: described, bins,
      rows: intervalToCells(top, bottom, Picture.FIELD, height, mapping),
      columns: intervalToCells(left, right, Picture.FIELD, width, mapping),
    };
  }

  /* The numbers of the bins of a finer level whose union a bin is; empty if its level reads the map itself. */
  function parts(model, bin) {
    const level = model.levels[bin.level];
    if (level.finer === null) return [];
    const fine = model.levels[level.finer];
    const [tall, wide] = [fine.rows / level.rows, fine.columns / level.columns];
    return count(tall).flatMap((i) =>
      count(wide).map((j) => fine.first + (bin.row * tall + i) * fine.columns + bin.column * wide + j),
    );
  }

  const holds = (bin, row, column) =>
    bin.cells !== null && bin.cells[0] <= row && row < bin.cells[2] && bin.cells[1] <= column && column < bin.cells[3];

  return { describe, holds, parts };
})();
