/* The picture and the window on it: drawing, dragging, arrow keys. Edges are [top, left, bottom, right] in pixels. */
"use strict";

const Stage = (() => {
  const MARGIN = 24; // CSS pixels around the picture, so that handles can be caught at its edges
  const TARGET = 44; // of a finger
  const CORNERS = [["top left", 0, 1], ["top right", 0, 3], ["bottom right", 2, 3], ["bottom left", 2, 1]];
  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const { clip } = Geometry;

  let onChange, overlay, canvas, stage, model, drawn;
  let scale = 1; // CSS pixels of a pixel
  const parts = {};

  // -------------------------------------------------------------------------------------------------
  // What a movement does to a window

  /* The window moved as a whole by so many pixels, as far as the picture goes. */
  function moved([top, left, bottom, right], down, across, height, width) {
    const dy = clip(down, -top, height - bottom), dx = clip(across, -left, width - right);
    return [top + dy, left + dx, bottom + dy, right + dx];
  }

  /* The window with the corner of edges (i, j) moved; the opposite edges stay, and a pixel remains. */
  function resized(window, [i, j], down, across, height, width) {
    const edges = [...window];
    edges[i] = i === 0 ? clip(window[0] + down, 0, window[2] - 1) : clip(window[2] + down, window[0] + 1, height);
    edges[j] = j === 1 ? clip(window[1] + across, 0, window[3] - 1) : clip(window[3] + across, window[1] + 1, width);
    return edges;
  }

  function change(window, corner, down, across) {
    const { height, width } = model.picture;
    return corner ? resized(window, corner, down, across, height, width) : moved(window, down, across, height, width);
  }

  // -------------------------------------------------------------------------------------------------
  // Pointers and keys

  function draggable(element, corner) {
    let start = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      start = { id: event.pointerId, x: event.clientX, y: event.clientY, window: model.state.window };
      element.focus({ preventScroll: true });
      event.preventDefault();
    });
    const follow = (event) => {
      if (!start || event.pointerId !== start.id) return;
      const [down, across] = [event.clientY - start.y, event.clientX - start.x].map((n) => Math.round(n / scale));
      const edges = change(start.window, corner, down, across);
      if (String(edges) !== String(model.state.window)) onChange(edges);
    };
    // A finger on it does not scroll the page. The property touch-action would say so, but not for shapes of an SVG.
    element.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    element.addEventListener("pointermove", follow);
    element.addEventListener("pointerup", (event) => {
      follow(event); // browsers may leave out the last movements
      start = null;
    });
    element.addEventListener("pointercancel", () => (start = null));
    element.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const step = event.shiftKey ? 10 : 1;
      onChange(change(model.state.window, corner, arrow[0] * step, arrow[1] * step));
    });
  }

  // -------------------------------------------------------------------------------------------------
  // Drawing

  function start(changed) {
    onChange = changed;
    [stage, canvas, overlay] = ["stage", "canvas", "overlay"].map((id) => document.getElementById(id));
    parts.drawing = Svg.make("g", { "aria-hidden": "true" });
    const help = { tabindex: 0, role: "button", "aria-describedby": "keys-title" };
    parts.body = Svg.make("g", { ...help, id: "move", class: "body", "aria-roledescription": "movable window" });
    parts.body.append(...["catch", "halo", "frame"].map((name) => Svg.make("rect", { class: name })));
    overlay.append(parts.drawing, parts.body);
    draggable(parts.body, null);
    parts.handles = CORNERS.map(([name, i, j]) => {
      const id = `handle-${name.replace(" ", "-")}`;
      const handle = Svg.make("g", { ...help, id, class: "handle", "aria-roledescription": "handle" });
      handle.append(
        Svg.make("rect", { class: "catch", width: TARGET, height: TARGET }),
        Svg.make("line", { class: "arm" }),
        Svg.make("circle", { class: "ring", r: 8 }),
      );
      overlay.append(handle);
      draggable(handle, [i, j]);
      return handle;
    });
  }

  function draw(described, shown) {
    model = described;
    const { picture, state } = model;
    const room = stage.clientWidth - 2 * MARGIN;
    scale = Math.min(room / picture.width, 560 / picture.height);
    const [wide, high] = [picture.width * scale, picture.height * scale];
    const size = { width: wide + 2 * MARGIN, height: high + 2 * MARGIN };
    Svg.set(overlay, { ...size, viewBox: `0 0 ${size.width} ${size.height}` });
    Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px`, left: `${MARGIN}px`, top: `${MARGIN}px` });
    if (drawn !== picture) {
      Object.assign(canvas, { width: picture.width, height: picture.height });
      canvas.getContext("2d").putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
      drawn = picture;
    }
    drawCells(shown);
    drawWindow(state.window);
  }

  const onStage = (edges) => edges.map((edge) => MARGIN + edge * scale);

  /* Dim outside the window, centres of cells, the cells of the bin and what its winner sees. */
  function drawCells(bin) {
    const { picture, window, state } = model;
    const inside = ([top, left, bottom, right]) => [
      clip(top, 0, picture.height), clip(left, 0, picture.width),
      clip(bottom, 0, picture.height), clip(right, 0, picture.width),
    ];
    const [top, left, bottom, right] = onStage(state.window);
    const [y0, x0, y1, x1] = onStage([0, 0, picture.height, picture.width]);
    const shade = `M${x0} ${y0}H${x1}V${y1}H${x0}ZM${left} ${top}V${bottom}H${right}V${top}Z`;
    const nodes = [Svg.make("path", { d: shade, class: "shade" })];
    const { stride, twiceCentre } = Picture.FIELD;
    const centre = (cell) => MARGIN + (twiceCentre / 2 + 0.5 + stride * cell) * scale;
    for (let row = 0; row < state.height; row++) {
      for (let column = 0; column < state.width; column++) {
        const taken = row >= window[0] && row < window[2] && column >= window[1] && column < window[3];
        const radius = clip(stride * scale * 0.14, 1.2, 3.2);
        const [r, name] = taken ? [radius * 1.25, "centre taken"] : [radius, "centre"];
        nodes.push(Svg.make("circle", { cx: centre(column), cy: centre(row), r, class: name }));
      }
    }
    if (bin.cells && bin.cells[0] < bin.cells[2] && bin.cells[1] < bin.cells[3]) {
      const edges = onStage(inside(Geometry.cellsToBox(bin.cells, Picture.FIELD)));
      nodes.push(Svg.rect(edges, "bin-halo"), Svg.rect(edges, "bin-box"));
    }
    if (bin.place) {
      const [row, column] = bin.place;
      const seen = onStage(inside(Geometry.receptiveBox([row, column, row + 1, column + 1], Picture.FIELD)));
      nodes.push(Svg.rect(seen, "seen-halo"), Svg.rect(seen, "seen"));
      const r = clip(stride * scale * 0.4, 4, 8);
      nodes.push(Svg.make("circle", { cx: centre(column), cy: centre(row), r, class: "won" }));
    }
    parts.drawing.replaceChildren(...nodes);
  }

  /* The frame, and handles that stand off from a window too small to hold them apart. */
  function drawWindow(window) {
    const edges = onStage(window);
    const [top, left, bottom, right] = edges;
    const middle = [(top + bottom) / 2, (left + right) / 2];
    const [caught, halo, frame] = parts.body.children;
    const least = TARGET / 2;
    Svg.set(caught, Svg.box([
      Math.min(top, middle[0] - least), Math.min(left, middle[1] - least),
      Math.max(bottom, middle[0] + least), Math.max(right, middle[1] + least),
    ]));
    for (const part of [halo, frame]) Svg.set(part, Svg.box(edges));
    const rows = Words.interval("rows", window[0], window[2]);
    const columns = Words.interval("columns", window[1], window[3]);
    parts.body.setAttribute("aria-label", `Window: ${rows}, ${columns}`);
    CORNERS.forEach(([name, i, j], k) => {
      const [caughtHandle, arm, ring] = parts.handles[k].children;
      const away = (edge, centre, sign) => centre + sign * Math.max(sign * (edge - centre), least);
      const [down, across] = [i === 0 ? -1 : 1, j === 1 ? -1 : 1];
      const [y, x] = [away(edges[i], middle[0], down), away(edges[j], middle[1], across)];
      // The target reaches outwards: the middle of even a tiny window stays free for moving it.
      const near = TARGET / 4;
      const outwards = (edge, sign) => (sign < 0 ? edge + near - TARGET : edge - near);
      Svg.set(caughtHandle, { x: outwards(x, across), y: outwards(y, down) });
      Svg.set(arm, { x1: edges[j], y1: edges[i], x2: x, y2: y });
      Svg.set(ring, { cx: x, cy: y });
      parts.handles[k].setAttribute("aria-label", `${name} corner: row ${window[i]}, column ${window[j]}`);
    });
  }

  return { draw, moved, resized, start };
})();
