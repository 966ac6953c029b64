/* The arithmetic behind each edge, written out: chains such as "ceil(3*10/6) = (30 + 5) // 6 = 5".

   Every link of a chain is worth the same, and reads as Python does: // divides and rounds down. */
"use strict";

const Arithmetic = (() => {
  const { ceilDiv, floorDiv, paddedRule, releasedRule, roundDiv, slidingCount, slidingRule } = Geometry;

  /* A sum without "+ -3", and without what is 0. */
  function sum(first, ...others) {
    const parts = others.filter((n) => n !== 0).map((n) => (n < 0 ? ` - ${-n}` : ` + ${n}`));
    return `${first}${parts.join("")}`;
  }

  /* Links joined by "="; neighbours that read the same become one. */
  function chain(...links) {
    return links.map(String).filter((link, i, all) => i === 0 || link !== all[i - 1]).join(" = ");
  }

  function floorChain(k, size, bins) {
    return [`floor(${k}*${size}/${bins})`, `${k * size} // ${bins}`, floorDiv(k * size, bins)];
  }

  function ceilChain(k, size, bins) {
    return [`ceil(${k}*${size}/${bins})`, `(${k * size} + ${bins - 1}) // ${bins}`, ceilDiv(k * size, bins)];
  }

  function roundChain(k, size, bins) {
    const [over, under] = [2 * k * size + bins, 2 * bins];
    const found = roundDiv(k * size, bins);
    const half = floorDiv(over, under) !== found;
    const lines = [`round(${k}*${size}/${bins})`, half ? `${over} // ${under} - 1` : `${over} // ${under}`, found];
    return { links: lines, note: half ? "a half goes to the even neighbour" : "" };
  }

  // -------------------------------------------------------------------------------------------------
  // Bins: lines { name, text, note, value } of bin k of an axis; value is what the chain comes to

  function line(name, links, note = "") {
    return { name, text: chain(...links), note, value: links[links.length - 1] };
  }

  function ofSlide(k, size, bins, slide) {
    const { kernel, stride, ceilMode } = slide;
    const made = slidingCount(size, kernel, stride, 0, ceilMode);
    const room = size - kernel;
    const rounded = `${ceilMode ? "ceil" : "floor"}((${size} - ${kernel})/${stride}) + 1`;
    const divided = ceilMode && stride > 1 ? `(${room} + ${stride - 1}) // ${stride} + 1` : `${room} // ${stride} + 1`;
    const counted = (ceilMode ? ceilDiv(room, stride) : floorDiv(room, stride)) + 1;
    const dropped = made < counted ? "the last one would start beyond the cells" : "";
    const steps = stride === kernel && bins === 2 ? "two bins step by a whole kernel" : "";
    return [
      line("kernel", [`ceil(${size}/${bins})`, `(${size} + ${bins - 1}) // ${bins}`, kernel]),
      line("stride", steps ? [stride] : [`floor(${size}/${bins})`, `${size} // ${bins}`, stride], steps),
      line("positions", dropped ? [`${rounded} - 1`, `${divided} - 1`, made] : [rounded, divided, made],
        dropped || (made > bins ? `${made - bins} more than there are bins` : "")),
      line("start", [`${k}*${stride}`, k * stride]),
      line("stop", [`min(${k * stride} + ${kernel}, ${size})`, Math.min(k * stride + kernel, size)]),
    ];
  }

  function ofPadding(k, size, bins) {
    const { kernel, pad } = paddedRule(size, bins);
    const lack = kernel * bins - size;
    const start = k * kernel - pad, stop = start + kernel;
    const refused = pad > floorDiv(kernel, 2) ? "more than half the kernel: common frameworks refuse it" : "";
    const first = Geometry.clip(start, 0, size);
    const last = Math.max(first, Geometry.clip(stop, 0, size));
    const zeros = start < 0 || stop > size ? "beyond the cells lie zeros" : "";
    return [
      line("kernel", [`ceil(${size}/${bins})`, `(${size} + ${bins - 1}) // ${bins}`, kernel]),
      line("padding", [`ceil((${kernel}*${bins} - ${size})/2)`, `(${lack} + 1) // 2`, pad], refused),
      line("start", [`${k}*${kernel} - ${pad}`, start]),
      line("stop", [`${start} + ${kernel}`, stop], zeros),
      line("cells from", [`min(max(${start}, 0), ${size})`, first]),
      line("cells to", [`max(min(${stop}, ${size}), ${first})`, last], first === last ? "not one cell" : ""),
    ];
  }

  function ofRounding(k, size, bins) {
    const [start, stop] = [roundChain(k, size, bins), roundChain(k + 1, size, bins)];
    const empty = start.links[2] === stop.links[2] ? "not one cell" : "";
    return [line("start", start.links, start.note), line("stop", stop.links, stop.note || empty)];
  }

  const ofBin = {
    paper: (k, size, bins) => [line("start", floorChain(k, size, bins)), line("stop", ceilChain(k + 1, size, bins))],
    sliding: (k, size, bins) => slide(k, size, bins, slidingRule(size, bins)),
    released: (k, size, bins) => slide(k, size, bins, releasedRule(size, bins)),
    padded: ofPadding,
    rounded: ofRounding,
  };

  function slide(k, size, bins, found) {
    if (found) return ofSlide(k, size, bins, found);
    const why = "fewer cells than bins: the rule does not exist";
    return [line("stride", [`floor(${size}/${bins})`, `${size} // ${bins}`, 0], why)];
  }

  /* Bin k of `bins` on `size` cells from cell `corner` of the map on; the last two lines place it on the map. */
  function bin(rule, k, size, bins, corner) {
    const lines = ofBin[rule](k, size, bins);
    if (corner === 0 || lines.length === 1) return lines;
    const [start, stop] = lines.slice(-2).map(({ value }) => value);
    return [
      ...lines,
      line("start on the map", [`${corner} + ${start}`, corner + start]),
      line("stop on the map", [`${corner} + ${stop}`, corner + stop]),
    ];
  }

  // -------------------------------------------------------------------------------------------------
  // From pixels to cells

  function paperEnds(first, last, { stride, twiceCentre }, found) {
    const centre = twiceCentre / 2;
    return [
      line("first", [`floor((${first} - ${centre})/${stride}) + 1`, `${first - centre} // ${stride} + 1`, found.first]),
      line("last", [`ceil((${last} - ${centre})/${stride}) - 1`,
        `(${last - centre} + ${stride - 1}) // ${stride} - 1`, found.last]),
    ];
  }

  function releasedEnds(first, last, { stride, twiceCentre }, found) {
    const centre = twiceCentre / 2;
    const [unit, more] = [32 * stride, 29 * stride];
    const [above, below] = [first - centre, last - centre];
    return [
      line("first", [`floor((${first} - ${centre})/${stride} + 29/32)`,
        `(32*${bracket(above)} + ${more}) // ${unit}`, `${32 * above + more} // ${unit}`, found.first]),
      line("last", [`ceil((${last} - ${centre})/${stride} - 29/32)`,
        `(32*${bracket(below)} - ${more} + ${unit - 1}) // ${unit}`,
        `${32 * below - more + unit - 1} // ${unit}`, found.last]),
    ];
  }

  const bracket = (n) => (n < 0 ? `(${n})` : String(n));

  /* The pixels start .. stop - 1 of one axis, on their way to cells; `found` is what Geometry.intervalToCells says. */
  function interval(rule, start, stop, field, cells, found) {
    const lines = (rule === "paper" ? paperEnds : releasedEnds)(start, stop - 1, field, found);
    if (found.inverted) {
      const links = [`(${sum(found.first, found.last)}) // 2`, found.ends[0]];
      lines.push(line("both", links, `${found.first} lies behind ${found.last}: both become their mean`));
    }
    const [from, to] = found.ends;
    if (from !== found.start || to !== found.stop - 1) {
      lines.push(line("first on the map", [`min(max(${from}, 0), ${cells - 1})`, found.start]));
      lines.push(line("last on the map", [`min(max(${to}, 0), ${cells - 1})`, found.stop - 1]));
    }
    return lines;
  }

  return { bin, interval };
})();
