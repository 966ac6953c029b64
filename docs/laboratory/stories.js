/* The rules and presets in words. */
"use strict";

const Stories = (() => {
  const RULES = {
    paper: ["Floor and ceil",
      "The paper’s appendix A. Bin k holds the cells floor(k·h/n) to ceil((k+1)·h/n) − 1. No cell is missed " +
      "and no bin is empty, whatever the size."],
    sliding: ["Sliding windows",
      "The paper’s recipe for one size: a window of ceil(h/n) cells that moves by floor(h/n). It agrees with " +
      "floor and ceil only where h mod n is 0 or 1; else the first n positions miss cells, and often there are " +
      "more than n."],
    released: ["Released code",
      "The sliding recipe, but a level of two bins steps by a whole window: 7/7 on 13 cells, where the paper " +
      "draws 7/6. Positions are counted in ceil mode, and the last one is cut at the edge."],
    padded: ["Padded",
      "A common port: zeros around the window, the larger half in front, until n divides it. A zero beats every " +
      "negative value, and a bin may hold nothing else."],
    rounded: ["Rounded edges",
      "Another port: the edge k·h/n goes to the nearest integer, a half to the even one. No cell is counted " +
      "twice; with fewer cells than bins some bins are empty."],
  };
  const MAPPINGS = {
    paper: ["Paper",
      "A cell belongs to the window if its centre lies strictly inside: floor((x − 20)/16) + 1 to ceil((x − " +
      "20)/16) − 1, with 16 the stride and 20 the first centre of ZF-5."],
    released: ["Released code",
      "A pixel and a half more generous: 29/32 of a stride in the place of 1. If the ends cross, both become " +
      "their mean, as with the paper’s rule."],
  };

  const PYRAMID = "levels=6,3,2,1";
  const PRESETS = [
    ["13 × 13, the paper’s map",
      `map=13x13&${PYRAMID}&rule=paper&mapping=paper&window=0,0,224,224&bin=0`,
      "A picture of 224 × 224 pixels leaves ZF-5 as 13 × 13 cells. Four levels make 50 bins. Neighbouring bins " +
        "share a row or a column of cells wherever n does not divide 13, and no cell is left out."],
    ["10 × 10, sliding",
      `map=10x10&${PYRAMID}&rule=sliding&mapping=paper&window=0,0,176,176&bin=35`,
      "The paper’s second size has 10 cells a side. Six bins by the sliding recipe: window 2, stride 1, so 9 " +
        "positions. A vector with room for 6 takes the first 6 and never sees the last 3 rows and columns."],
    ["Smaller than the pyramid",
      `map=4x5&${PYRAMID}&rule=paper&mapping=paper&window=0,0,80,96&bin=7`,
      "Four rows, six bins: bins overlap and share winners, but none is empty. Choose rounded edges to see them " +
        "go empty, or sliding windows to see a stride of 0."],
    ["Nesting",
      `map=11x13&levels=6,3,2,1&rule=paper&mapping=paper&window=0,0,192,224&bin=40`,
      "3 divides 6, so each bin of level 3 × 3 is exactly the union of four bins of level 6 × 6, dotted on the " +
        "map, and its maximum is the largest of theirs. The map is read once, not once a level."],
    ["A window that inverts",
      `map=13x13&${PYRAMID}&rule=paper&mapping=paper&window=118,102,126,108&bin=0`,
      "No centre lies inside this small window: the first cell comes out behind the last. Both become their " +
        "mean, and every bin of the pyramid looks at the same single cell."],
    ["7/7 in the released code",
      `map=13x13&levels=2&rule=released&mapping=released&window=0,0,224,224&bin=3`,
      "On 13 cells the released 2 × 2 level uses windows of 7 that step by 7: bins that share nothing, the last " +
        "of 6 cells. By floor and ceil they are 7 cells each and share the middle row and column."],
    ["Zeros that win",
      `map=13x13&${PYRAMID}&rule=padded&mapping=paper&window=0,0,224,224&bin=1`,
      "13 cells in six bins of 3 need 5 more: 3 in front, 2 behind. The first row and the first column of bins " +
        "pool nothing but zeros, and at the right edge zeros beat the cold, negative sky. Common frameworks " +
        "refuse a padding of more than half the window: the paper’s own size stops such ports."],
    ["Rounded and empty",
      `map=4x4&${PYRAMID}&rule=rounded&mapping=paper&window=0,0,80,80&bin=1`,
      "Six bins on four cells with rounded edges: some start where they stop. There is no largest value of nothing."],
  ].map(([name, address, story]) => ({ name, hash: `#${address}`, story }));

  return { RULES, MAPPINGS, PRESETS };
})();
