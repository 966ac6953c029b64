/* The picture and its feature map: both made here, from integers alone, so that they are the same everywhere.

   The trunk is ZF-5: stride 16, first centre at pixel 20, so a map of h x w cells belongs to a picture of
   16(h + 1) x 16(w + 1) pixels. The one channel of the map says how warm the colours around a cell are. */
"use strict";

const Picture = (() => {
  const { floorDiv, clip } = Geometry;
  const FIELD = { stride: 16, size: 139, twiceCentre: 40 };

  const side = (cells) => FIELD.stride * (cells + 1);

  /* Colours on a way: [position, [red, green, blue]], from top to bottom. */
  const SKY = [[0, [70, 118, 166]], [300, [128, 168, 200]], [480, [206, 204, 196]], [640, [240, 202, 160]]];
  const FAR = [126, 146, 164], MIDDLE = [104, 136, 118], NEAR = [66, 104, 84], FIELDS = [186, 168, 104];
  const SUN = [255, 226, 150], WALL = [226, 212, 190], ROOF = [192, 86, 52], DOOR = [84, 66, 60], TREE = [44, 78, 64];

  /* An arch of parabolas of period 1024 and height 256: a sine of integers. */
  function wave(position) {
    const p = ((position % 1024) + 1024) % 1024;
    const q = p % 512;
    const arch = floorDiv(q * (512 - q), 256);
    return p < 512 ? arch : -arch;
  }

  function mix(from, to, part, whole) {
    return from.map((value, i) => value + floorDiv((to[i] - value) * part, whole));
  }

  function sky(v) {
    const stop = SKY.findIndex(([position]) => v < position);
    if (stop < 1) return SKY[stop < 0 ? SKY.length - 1 : 0][1];
    const [above, below] = [SKY[stop - 1], SKY[stop]];
    return mix(above[1], below[1], v - above[0], below[0] - above[0]);
  }

  /* The colour at (u, v), both 0 .. 1023 over the picture, whose sides are as `across` to `down`, the shorter 256. */
  function colour(u, v, across, down) {
    const near = 790 - floorDiv(wave(u - 150), 5);
    if (v > near) return v > near + 70 + floorDiv(wave(2 * u), 9) ? NEAR : mix(NEAR, FIELDS, 3, 5);
    const tree = [[812, 800, 150], [868, 790, 190], [922, 806, 140], [120, 792, 120]];
    for (const [middle, foot, height] of tree) {
      const up = foot - v;
      if (up > 0 && up < height && 5 * Math.abs(u - middle) * across < (height - up) * 2 * down) return TREE;
    }
    if (u > 300 && u < 440 && v > 700 && v < 850) return u > 350 && u < 384 && v > 770 ? DOOR : WALL;
    if (v > 630 && v <= 700 && Math.abs(u - 370) < v - 630 + 22) return ROOF;
    const middle = 700 - floorDiv(wave(u + 420), 4) - floorDiv(wave(3 * u), 22);
    if (v > middle) return mix(MIDDLE, FIELDS, clip(v - middle, 0, 90), 240);
    if (v > 590 - floorDiv(wave(2 * u + 180), 5) - floorDiv(wave(5 * u), 30)) return FAR;
    const dx = floorDiv((u - 690) * across, 256), dy = floorDiv((v - 300) * down, 256);
    const distance = dx * dx + dy * dy;
    if (distance < 105 * 105) return SUN;
    const glow = clip(floorDiv(420 * 420 - distance, 1024), 0, 170);
    return mix(sky(v), SUN, glow, 320);
  }

  /* A little grain, so that no two cells are quite alike. */
  function grain(x, y) {
    return ((x * 7919 + y * 104729 + ((x * y) % 613) * 31) % 17) - 8;
  }

  /* Red, green, blue and 255 of each pixel, row by row. */
  function pixels(height, width) {
    const data = new Uint8ClampedArray(4 * height * width);
    const least = Math.min(height, width);
    const across = floorDiv(width * 256, least), down = floorDiv(height * 256, least);
    for (let y = 0, at = 0; y < height; y++) {
      const v = floorDiv(y * 1024, height);
      for (let x = 0; x < width; x++, at += 4) {
        const rgb = colour(floorDiv(x * 1024, width), v, across, down);
        const noise = grain(x, y);
        for (let i = 0; i < 3; i++) data[at + i] = rgb[i] + noise;
        data[at + 3] = 255;
      }
    }
    return data;
  }

  /* Red minus blue, the mean over the 16 x 16 pixels around each cell's centre, rounded down: rows of integers. */
  function features(data, rows, columns) {
    const { stride, twiceCentre } = FIELD;
    const width = side(columns);
    const first = floorDiv(twiceCentre - stride, 2);
    const cell = (row, column) => {
      let sum = 0;
      for (let y = first + stride * row; y < first + stride * (row + 1); y++) {
        for (let x = first + stride * column; x < first + stride * (column + 1); x++) {
          const at = 4 * (y * width + x);
          sum += data[at] - data[at + 2];
        }
      }
      return floorDiv(sum, stride * stride);
    };
    return Geometry.count(rows).map((row) => Geometry.count(columns).map((column) => cell(row, column)));
  }

  let last = null;

  /* The picture of a map of this size, { height, width, data, features }; the last one is remembered. */
  function ofMap(rows, columns) {
    if (!last || last.rows !== rows || last.columns !== columns) {
      const [height, width] = [side(rows), side(columns)];
      const data = pixels(height, width);
      last = { rows, columns, height, width, data, features: features(data, rows, columns) };
    }
    return last;
  }

  return { FIELD, side, ofMap };
})();
