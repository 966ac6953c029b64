/* Where to look: bins, pyramids, sliding windows, and the way from pixels to cells. Integers only.

   The arithmetic of minispp/windows.py and minispp/fields.py, with their names; no page is needed to run it.
   A window is [top, left, bottom, right], half-open. */
"use strict";

const Geometry = (() => {
  /* The remainder is taken away first, so the division is exact; a quotient in floating point would not be. */
  function floorDiv(a, b) {
    return (a - (((a % b) + b) % b)) / b;
  }

  function ceilDiv(a, b) {
    return -floorDiv(-a, b) + 0; // + 0 turns -0 into 0
  }

  const count = (n) => Array.from({ length: n }, (_, k) => k);
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);

  // -------------------------------------------------------------------------------------------------
  // One axis. Each rule gives [start, stop] of every position, or null where the rule does not exist.

  /* The paper, appendix A: floor on the left, ceil on the right. */
  function binEdges(size, bins) {
    return count(bins).map((k) => [floorDiv(k * size, bins), ceilDiv((k + 1) * size, bins)]);
  }

  function slidingCount(size, kernel, stride, pad = 0, ceilMode = false) {
    const room = size + 2 * pad - kernel;
    const positions = (ceilMode ? ceilDiv(room, stride) : floorDiv(room, stride)) + 1;
    // In ceil mode the last position may lie wholly in the padding, where there is nothing to pool.
    return (positions - 1) * stride - pad >= size ? positions - 1 : positions;
  }

  function slidingEdges(size, kernel, stride, pad = 0, ceilMode = false) {
    return count(slidingCount(size, kernel, stride, pad, ceilMode)).map((i) => {
      const start = i * stride - pad;
      return [Math.max(start, 0), Math.min(start + kernel, size)];
    });
  }

  /* Kernel and stride of the paper's recipe for one size; null where the stride would be 0. */
  function slidingRule(size, bins) {
    return size < bins ? null : { kernel: ceilDiv(size, bins), stride: floorDiv(size, bins), ceilMode: false };
  }

  /* The released networks: as the recipe, but two bins step by a whole kernel (7/7 on 13 cells), and the positions
     are counted in ceil mode, as their framework does. */
  function releasedRule(size, bins) {
    if (size < bins) return null;
    const kernel = ceilDiv(size, bins);
    return { kernel, stride: bins === 2 ? kernel : floorDiv(size, bins), ceilMode: true };
  }

  function edgesOfSlide(size, slide) {
    return slide && slidingEdges(size, slide.kernel, slide.stride, 0, slide.ceilMode);
  }

  const slidingRuleEdges = (size, bins) => edgesOfSlide(size, slidingRule(size, bins));
  const releasedEdges = (size, bins) => edgesOfSlide(size, releasedRule(size, bins));

  /* What many ports do: the map is padded until `bins` divides it, the larger half in front. */
  function paddedRule(size, bins) {
    const kernel = ceilDiv(size, bins);
    return { kernel, pad: ceilDiv(kernel * bins - size, 2) };
  }

  /* Not clipped: what lies below 0 or beyond `size` is padding. */
  function paddedEdges(size, bins) {
    const { kernel, pad } = paddedRule(size, bins);
    return count(bins).map((k) => [k * kernel - pad, (k + 1) * kernel - pad]);
  }

  /* a / b to the nearest integer, and halves to the even one, as NumPy and TensorFlow round. */
  function roundDiv(a, b) {
    const up = floorDiv(2 * a + b, 2 * b);
    return 2 * a + b === up * 2 * b && up % 2 !== 0 ? up - 1 : up;
  }

  function roundedEdges(size, bins) {
    return count(bins).map((k) => [roundDiv(k * size, bins), roundDiv((k + 1) * size, bins)]);
  }

  const RULES = {
    paper: binEdges,
    sliding: slidingRuleEdges,
    released: releasedEdges,
    padded: paddedEdges,
    rounded: roundedEdges,
  };

  /* One axis under a rule: `whole` as the rule says; `edges` of the bins, clipped to the axis, stop >= start;
     `extra`, the positions beyond the number of bins. All are empty where the rule does not exist. */
  function axis(rule, size, bins) {
    const whole = RULES[rule](size, bins);
    const clipped = (whole || []).map(([start, stop]) => {
      const first = clip(start, 0, size);
      return [first, Math.max(first, clip(stop, 0, size))];
    });
    return { size, bins, exists: whole !== null, whole, edges: clipped.slice(0, bins), extra: clipped.slice(bins) };
  }

  /* How many of the intervals each of `size` cells lies in. */
  function covered(size, edges) {
    return count(size).map((cell) => edges.filter(([start, stop]) => start <= cell && cell < stop).length);
  }

  // -------------------------------------------------------------------------------------------------
  // Pyramids: levels are [[rows, columns], ...]

  function countBins(levels) {
    return levels.reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  }

  /* For each level, the position of the level with the fewest bins that it divides, or null. */
  function finerLevel(levels) {
    const same = (a, b) => a[0] === b[0] && a[1] === b[1];
    const area = (i) => levels[i][0] * levels[i][1];
    return levels.map((level, position) => {
      const divides = (fine) => fine[0] % level[0] === 0 && fine[1] % level[1] === 0 && !same(fine, level);
      const finer = count(levels.length).filter((i) => divides(levels[i]));
      finer.push(...count(position).filter((i) => same(levels[i], level)));
      return finer.length ? finer.reduce((best, i) => (area(i) < area(best) ? i : best)) : null;
    });
  }

  // -------------------------------------------------------------------------------------------------
  // Pixels and cells. A field is { stride, size, twiceCentre }: centres may lie between two pixels.

  function cellsOfInterval(firstPixel, lastPixel, field, rule) {
    const above = 2 * firstPixel - field.twiceCentre;
    const below = 2 * lastPixel - field.twiceCentre;
    if (rule === "paper") {
      return [floorDiv(above, 2 * field.stride) + 1, ceilDiv(below, 2 * field.stride) - 1];
    }
    const unit = 32 * field.stride; // (x - c)/S + 29/32 = (16 * 2(x - c) + 29 S) / 32 S
    return [floorDiv(16 * above + 29 * field.stride, unit), ceilDiv(16 * below - 29 * field.stride, unit)];
  }

  /* One axis of a box, pixels start .. stop - 1, with every step on the way to cells of a map of `cells`. */
  function intervalToCells(start, stop, field, cells, rule) {
    const [first, last] = cellsOfInterval(start, stop - 1, field, rule);
    const inverted = first > last;
    const middle = floorDiv(first + last, 2);
    const ends = inverted ? [middle, middle] : [first, last];
    const [from, to] = ends.map((end) => clip(end, 0, cells - 1));
    return { first, last, inverted, ends, start: from, stop: to + 1 };
  }

  function boxToCells([top, left, bottom, right], field, height, width, rule) {
    const rows = intervalToCells(top, bottom, field, height, rule);
    const columns = intervalToCells(left, right, field, width, rule);
    return [rows.start, columns.start, rows.stop, columns.stop];
  }

  /* The box, half a stride around the outermost centres, that the paper's rule maps back to these cells. */
  function cellsToBox([top, left, bottom, right], { stride, twiceCentre }) {
    const start = (cell) => ceilDiv(twiceCentre, 2) + stride * (cell - 1) + floorDiv(stride, 2);
    const stop = (cell) => floorDiv(twiceCentre, 2) + stride * (cell - 1) + ceilDiv(stride, 2) + 1;
    return [start(top), start(left), stop(bottom), stop(right)];
  }

  /* All pixels that the cells can see. */
  function receptiveBox([top, left, bottom, right], { stride, size, twiceCentre }) {
    const begin = floorDiv(twiceCentre - (size - 1), 2);
    const stop = (cell) => begin + stride * (cell - 1) + size;
    return [begin + stride * top, begin + stride * left, stop(bottom), stop(right)];
  }

  return {
    RULES, floorDiv, ceilDiv, roundDiv, clip, count,
    binEdges, slidingCount, slidingEdges, slidingRule, slidingRuleEdges, releasedRule, releasedEdges,
    paddedRule, paddedEdges, roundedEdges, axis, covered, countBins, finerLevel,
    intervalToCells, boxToCells, cellsToBox, receptiveBox,
  };
})();
