/* [contrast, text] for each text that is seen, against whatever lies below its middle. It gathers what elementsFromPoint
   finds there, so all texts must lie in the viewport, and every element must take part in pointer events. */
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, ground) => top.slice(0, 3).map((c, i) => c * top[3] + ground[i] * (1 - top[3]));
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const hatched = ["ground", "line"].map((part) => document.querySelector(`.hatched-${part}`))
    .map((shape, i) => getComputedStyle(shape)[i ? "stroke" : "fill"]);
  const paints = (element) => {
    const style = getComputedStyle(element);
    if (!(element instanceof SVGElement) || element instanceof SVGSVGElement) return [style.backgroundColor];
    if (element instanceof SVGTextElement || !(element instanceof SVGGeometryElement)) return ["transparent"];
    return style.fill.startsWith("url") ? hatched : style.fill === "none" ? ["transparent"] : [style.fill];
  };
  const grounds = (x, y) => document.elementsFromPoint(x, y).reverse().reduce(
    (found, element) => found.flatMap((ground) => paints(element).map((paint) => over(parse(paint), ground))),
    [[255, 255, 255]],
  );
  const found = [];
  const add = (element, text, rect) => {
    const style = getComputedStyle(element);
    const colour = parse(element instanceof SVGElement ? style.fill : style.color);
    const [x, y] = [rect.left + rect.width / 2, rect.top + rect.height / 2];
    const stack = document.elementsFromPoint(x, y);
    if (!stack.some((other) => other === element || element.contains(other))) return;
    for (const ground of grounds(x, y)) found.push([ratio(over(colour, ground), ground), text.trim().slice(0, 40)]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, noscript, #live, [hidden]")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) if (rect.width > 1) add(parent, node.data, rect);
  }
  for (const input of document.querySelectorAll("input[type=text], input[type=number]")) {
    add(input, input.value, input.getBoundingClientRect());
  }
  return found;
}
