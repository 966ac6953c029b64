/* The map: cells shaded by how many bins hold them, the bins of a level, and bars along the axes for their edges. */
"use strict";

const MapView = (() => {
  const BARS = 34; // CSS pixels along the upper and left edge
  const READABLE = 23; // a cell narrower than this shows no number
  const { covered } = Geometry;

  let svg, holder, model, shown, onPoint, onChoose;
  let cursor = null; // the cell of the arrow keys or the mouse
  let origin = [0, 0], cell = 1; // first row and column that are drawn, CSS pixels of a cell
  const cells = Svg.make("g"), outlines = Svg.make("g"), marks = Svg.make("g"), bars = Svg.make("g");

  const at = ([top, left, bottom, right]) => [
    BARS + (top - origin[0]) * cell, BARS + (left - origin[1]) * cell,
    BARS + (bottom - origin[0]) * cell, BARS + (right - origin[1]) * cell,
  ];

  function start({ point, choose }) {
    [onPoint, onChoose] = [point, choose];
    [svg, holder] = ["cells", "map"].map((id) => document.getElementById(id));
    svg.append(hatching(), cells, outlines, marks, bars);
    svg.addEventListener("pointermove", (event) => event.pointerType === "mouse" && pointAt(cellUnder(event)));
    svg.addEventListener("pointerleave", () => pointAt(null));
    svg.addEventListener("click", (event) => chooseAt(cellUnder(event)));
    svg.addEventListener("blur", () => pointAt(null));
    svg.addEventListener("keydown", (event) => {
      const arrow = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (arrow) {
        event.preventDefault();
        const { height, width } = model.state;
        const [row, column] = cursor || [model.window[0] - arrow[0], model.window[1] - arrow[1]]; // its first cell
        pointAt([Geometry.clip(row + arrow[0], 0, height - 1), Geometry.clip(column + arrow[1], 0, width - 1)]);
      } else if ((event.key === "Enter" || event.key === " ") && cursor) {
        event.preventDefault();
        chooseAt(cursor);
      }
    });
  }

  /* The pattern of missed cells. */
  function hatching() {
    const look = { id: "hatched", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    const ground = Svg.make("rect", { width: 8, height: 8, class: "hatched-ground" });
    const line = Svg.make("line", { x1: 0, y1: 0, x2: 0, y2: 8, class: "hatched-line" });
    return Svg.make("defs", {}, Svg.make("pattern", look, ground, line));
  }

  function pointAt(place) {
    if (String(place) === String(cursor)) return;
    cursor = place;
    drawCursor();
    onPoint(place);
  }

  function chooseAt(place) {
    if (place) onChoose(place);
  }

  function cellUnder(event) {
    const frame = svg.getBoundingClientRect();
    const row = Math.floor((event.clientY - frame.top - BARS) / cell) + origin[0];
    const column = Math.floor((event.clientX - frame.left - BARS) / cell) + origin[1];
    const { height, width } = model.state;
    return row >= 0 && row < height && column >= 0 && column < width ? [row, column] : null;
  }

  // -------------------------------------------------------------------------------------------------

  /* Rows and columns that are drawn: the map, and what any level pads beyond it. */
  function extent() {
    const { state, window, levels } = model;
    const reach = (one, corner) => (one.whole || []).map(([start, stop]) => [start + corner, stop + corner]);
    const rows = levels.flatMap(({ vertical }) => reach(vertical, window[0]));
    const columns = levels.flatMap(({ horizontal }) => reach(horizontal, window[1]));
    const low = (edges) => Math.min(0, ...edges.map(([start]) => start));
    const high = (edges, size) => Math.max(size, ...edges.map(([, stop]) => stop));
    return [low(rows), low(columns), high(rows, state.height), high(columns, state.width)];
  }

  function draw(described, bin) {
    [model, shown] = [described, bin];
    const [top, left, bottom, right] = extent();
    origin = [top, left];
    const room = holder.clientWidth - BARS - 4;
    cell = Math.max(Math.min(room / (right - left), 540 / (bottom - top), 56), 4);
    const size = { width: BARS + (right - left) * cell + 4, height: BARS + (bottom - top) * cell + 4 };
    Svg.set(svg, { ...size, viewBox: `0 0 ${size.width} ${size.height}` });
    const level = model.levels[bin.level];
    drawCells(level, top, left, bottom, right);
    drawOutlines(level);
    drawBin(bin);
    drawBars(level, bin);
    drawCursor();
  }

  function drawCells(level, top, left, bottom, right) {
    const { state, window, picture } = model;
    const nodes = [];
    const add = (row, column, name, value) => {
      const edges = at([row, column, row + 1, column + 1]);
      nodes.push(Svg.make("rect", { ...Svg.box(edges, 0.5), class: `cell ${name}`, "data-cell": `${row},${column}` }));
      if (cell < READABLE) return;
      const middle = { x: (edges[1] + edges[3]) / 2, y: (edges[0] + edges[2]) / 2 };
      const look = { ...middle, class: `number ${name}`, "font-size": cell < 30 ? 10 : 12 };
      nodes.push(Svg.make("text", look, Words.signed(value)));
    };
    const zeros = level.exists ? zerosAround(level) : () => false;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const inside = row >= window[0] && row < window[2] && column >= window[1] && column < window[3];
        const onMap = row >= 0 && row < state.height && column >= 0 && column < state.width;
        if (inside) {
          const times = level.counts[row - window[0]][column - window[1]];
          add(row, column, times === 0 ? "missed" : `shade-${Math.min(times, 4)}`, picture.features[row][column]);
        } else if (zeros(row, column)) add(row, column, "zero", 0);
        else if (onMap) add(row, column, "outside", picture.features[row][column]);
      }
    }
    nodes.push(Svg.rect(at(window), "window"));
    cells.replaceChildren(...nodes);
  }

  /* Whether the level's padding puts a zero at a place. */
  function zerosAround({ vertical, horizontal }) {
    const span = ({ whole }, corner) => {
      return [Math.min(...whole.map(([start]) => start)) + corner, Math.max(...whole.map(([, stop]) => stop)) + corner];
    };
    const [rows, columns] = [span(vertical, model.window[0]), span(horizontal, model.window[1])];
    return (row, column) => row >= rows[0] && row < rows[1] && column >= columns[0] && column < columns[1];
  }

  /* All bins of the level, and dashed the positions that are too many. */
  function drawOutlines(level) {
    const { vertical, horizontal, exists } = level;
    const nodes = [];
    const inset = Math.min(0.08 * cell, 3);
    const [top, left] = model.window;
    const place = (rows, columns) => at([rows[0] + top, columns[0] + left, rows[1] + top, columns[1] + left]);
    const all = (one) => [...one.edges, ...one.extra];
    if (exists) {
      all(vertical).forEach((rows, i) => all(horizontal).forEach((columns, j) => {
        const extra = i >= level.rows || j >= level.columns;
        if (rows[0] === rows[1] || columns[0] === columns[1]) return;
        nodes.push(Svg.rect(place(rows, columns), extra ? "extra" : "bin", inset));
      }));
    }
    for (const index of model.state.rule === "paper" ? Pooling.parts(model, shown) : []) {
      nodes.push(Svg.rect(at(model.bins[index].cells), "part", inset + 3));
    }
    outlines.replaceChildren(...nodes);
  }

  function drawBin(bin) {
    const nodes = [];
    if (bin.cells) {
      const { vertical, horizontal } = model.levels[bin.level];
      const [rows, columns] = [vertical.whole[bin.row], horizontal.whole[bin.column]];
      const [top, left] = model.window;
      const reach = [rows[0] + top, columns[0] + left, rows[1] + top, columns[1] + left];
      const empty = reach[0] >= reach[2] || reach[1] >= reach[3];
      // A rectangle without width is not drawn; an empty bin becomes a stroke where it would lie.
      const grow = empty ? -2 : 0;
      const name = empty ? "chosen nothing" : "chosen";
      nodes.push(Svg.rect(at(reach), "chosen-halo", grow), Svg.rect(at(reach), name, grow));
    }
    if (bin.place) {
      const [row, column] = bin.place;
      nodes.push(Svg.rect(at([row, column, row + 1, column + 1]), "winner", Math.min(3.5, cell / 6)));
    }
    marks.replaceChildren(...nodes);
  }

  /* A bar for each interval of each axis, in lanes, so that no two lie on each other. */
  function drawBars(level, bin) {
    const nodes = [];
    if (level.exists) {
      for (const [one, corner, upright, chosen] of [
        [level.vertical, model.window[0], true, bin.row],
        [level.horizontal, model.window[1], false, bin.column],
      ]) {
        const edges = [...one.whole.slice(0, one.bins), ...one.extra];
        const lowest = Math.min(...edges.map(([start]) => start));
        const length = Math.max(...edges.map(([, stop]) => stop)) - lowest;
        const lanes = Math.max(2, ...covered(length, edges.map((edge) => edge.map((end) => end - lowest))));
        const pitch = (BARS - 6) / lanes;
        edges.forEach(([start, stop], k) => {
          if (start >= stop) return;
          const near = BARS - 4 - pitch * (k % lanes), far = near - Math.max(Math.min(pitch - 2, 9), 1.5);
          const [top, left, low, right] = at([start + corner, start + corner, stop + corner, stop + corner]);
          const edge = upright ? [top + 2, far, low - 2, near] : [far, left + 2, near, right - 2];
          const name = k >= one.bins ? "bar extra" : k === chosen ? "bar this" : "bar";
          nodes.push(Svg.make("rect", { ...Svg.box(edge), rx: 1.5, class: name }));
        });
      }
    }
    bars.replaceChildren(...nodes);
  }

  function drawCursor() {
    svg.querySelector(".cursor")?.remove();
    if (cursor && cursor[0] < model.state.height && cursor[1] < model.state.width) {
      svg.append(Svg.rect(at([cursor[0], cursor[1], cursor[0] + 1, cursor[1] + 1]), "cursor", 1));
    }
  }

  return { draw, start };
})();
