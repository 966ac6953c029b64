/* The state in the address: "#map=13x13&levels=6,3,2,1&rule=paper&mapping=paper&window=0,0,224,224&bin=0". */
"use strict";

const Address = (() => {
  const LIMITS = { cells: 32, bins: 16, levels: 6, total: 400 };
  const RULES = Object.keys(Geometry.RULES);
  const MAPPINGS = ["paper", "released"];
  const DEFAULT = { height: 13, width: 13, levels: [[6, 6], [3, 3], [2, 2], [1, 1]], rule: "paper", mapping: "paper" };

  const whole = (text) => (/^\d{1,6}$/.test(text.trim()) ? Number(text) : null);
  const times = ([rows, columns]) => (rows === columns ? String(rows) : `${rows}x${columns}`);

  /* "6, 3, 2x1" as [[6, 6], [3, 3], [2, 1]]; null if that is not a pyramid that can be shown. */
  function parseLevels(text) {
    const levels = text.split(",").map((part) => {
      const sides = part.trim().split(/\s*[x×]\s*/).map(whole);
      return sides.length === 1 ? [sides[0], sides[0]] : sides;
    });
    const side = (n) => n !== null && n >= 1 && n <= LIMITS.bins;
    const good = levels.every((sides) => sides.length === 2 && sides.every(side));
    return good && levels.length <= LIMITS.levels && Geometry.countBins(levels) <= LIMITS.total ? levels : null;
  }

  function parseMap(text) {
    const sides = text.split(/[x×]/).map(whole);
    return sides.length === 2 && sides.every((n) => n !== null && n >= 1 && n <= LIMITS.cells) ? sides : null;
  }

  /* [top, left, bottom, right] in a picture of height x width pixels, or null. */
  function parseWindow(text, height, width) {
    const edges = text.split(",").map(whole);
    if (edges.length !== 4 || edges.includes(null)) return null;
    const [top, left, bottom, right] = edges;
    return top < bottom && bottom <= height && left < right && right <= width ? edges : null;
  }

  function formatLevels(levels) {
    return levels.map(times).join(",");
  }

  function format(state) {
    const { height, width, levels, rule, mapping, window, bin } = state;
    const map = `map=${height}x${width}&levels=${formatLevels(levels)}`;
    return `#${map}&rule=${rule}&mapping=${mapping}&window=${window.join(",")}&bin=${bin}`;
  }

  const wholePicture = (height, width) => [0, 0, Picture.side(height), Picture.side(width)];

  /* A hash as { state, problems }: what cannot be used falls back, and a sentence says so. */
  function parse(hash) {
    const problems = [];
    const given = new Map();
    for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
      const [name, ...rest] = part.split("=");
      given.set(name, decode(rest.join("=")));
    }
    function take(name, expected, fallback, read, spoken) {
      if (!given.has(name)) return fallback;
      const text = given.get(name);
      given.delete(name);
      const value = read(text);
      if (value !== null) return value;
      problems.push(`${name}: expected ${expected}, got “${text.slice(0, 60)}”; using ${spoken}.`);
      return fallback;
    }
    const among = (choices) => (text) => (choices.includes(text) ? text : null);
    const map = `rows x columns of 1 to ${LIMITS.cells} cells`;
    const [height, width] = take("map", map, [DEFAULT.height, DEFAULT.width], parseMap, "13x13");
    const pyramid = `up to ${LIMITS.levels} levels of 1 to ${LIMITS.bins} bins a side and ${LIMITS.total} in all`;
    const levels = take("levels", pyramid, DEFAULT.levels, parseLevels, "6,3,2,1");
    const rule = take("rule", `one of ${RULES.join(", ")}`, DEFAULT.rule, among(RULES), "paper");
    const mapping = take("mapping", `one of ${MAPPINGS.join(", ")}`, DEFAULT.mapping, among(MAPPINGS), "paper");
    const all = wholePicture(height, width);
    const inside = `top,left,bottom,right inside ${all[2]} x ${all[3]} pixels`;
    const window = take("window", inside, all, (text) => parseWindow(text, all[2], all[3]), "the whole picture");
    const bins = Geometry.countBins(levels);
    const number = (text) => (whole(text) !== null && whole(text) < bins ? whole(text) : null);
    const bin = take("bin", `a number from 0 to ${bins - 1}`, 0, number, "bin 0");
    for (const name of given.keys()) problems.push(`“${name.slice(0, 60)}” is not known here and is ignored.`);
    return { state: { height, width, levels, rule, mapping, window, bin }, problems };
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  return { LIMITS, format, formatLevels, parse, parseLevels, wholePicture };
})();
