/* SVG elements, and one redrawing for all that depends on the width of the page. */
"use strict";

const Svg = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";

  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function make(name, attributes = {}, ...children) {
    const element = set(document.createElementNS(NAMESPACE, name), attributes);
    element.append(...children);
    return element;
  }

  /* A rectangle from [top, left, bottom, right], moved inwards by `inset`. */
  function box([top, left, bottom, right], inset = 0) {
    const size = (low, high) => Math.max(high - low - 2 * inset, 0);
    return { x: left + inset, y: top + inset, width: size(left, right), height: size(top, bottom) };
  }

  const rect = (edges, name, inset = 0) => make("rect", { ...box(edges, inset), class: name });

  return { box, make, rect, set };
})();
