/* [contrast, text, element] for each text of a page against the background that it lies on, transparency counted in. */
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const parse = (colour) => {
    if (!known.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = (top, alpha, ground) => top.slice(0, 3).map((c, i) => c * alpha + ground[i] * (1 - alpha));
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, noscript, template")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const chain = [];
    for (let above = element; above; above = above.parentElement) chain.unshift(getComputedStyle(above));
    let ground = [255, 255, 255], seen = 1;
    for (const style of chain) {
      seen *= parseFloat(style.opacity);
      const paint = parse(style.backgroundColor);
      ground = over(paint, paint[3] * seen, ground);
    }
    const ink = parse(getComputedStyle(element).color);
    found.push([ratio(over(ink, ink[3] * seen, ground), ground), node.data.trim().slice(0, 40), element.className || element.tagName]);
  }
  return found;
}
