"""Oracles of boxes and of detection's measures: plain loops over exact fractions, from the definitions.

Coordinates may be floats, for every float is a fraction. Nothing is shared with `minispp`.
"""

import math
from fractions import Fraction


def sides(box):
    """Height and width; an inverted box has none."""
    top, left, bottom, right = map(Fraction, box)
    return max(bottom - top, 0), max(right - left, 0)


def iou(a, b):
    """Of two boxes, as a fraction; 0 where there is nothing to divide by.

    >>> iou([0, 0, 2, 2], [0, 1, 2, 3])
    Fraction(1, 3)
    """
    corner = [max(Fraction(a[k]), Fraction(b[k])) for k in (0, 1)]
    common = sides(corner + [min(Fraction(a[k]), Fraction(b[k])) for k in (2, 3)])
    common = common[0] * common[1]
    both = sum(height * width for height, width in (sides(a), sides(b))) - common
    return common / both if both else Fraction(0)


def pixels(box):
    """The pixels of a box of whole numbers, one by one."""
    top, left, bottom, right = box
    return {(row, column) for row in range(top, bottom) for column in range(left, right)}


def nms(boxes, scores, threshold):
    """Indexes kept, the best first: the best that is left stays, and what it overlaps too much goes."""
    left, kept = list(range(len(boxes))), []
    while left:
        best = left[0]
        for i in left:
            if scores[i] > scores[best]:  # so the first of equals
                best = i
        kept.append(best)
        left = [i for i in left if i != best and not float(iou(boxes[best], boxes[i])) > threshold]
    return kept


def encode(box, target):
    (y, x, height, width), (y2, x2, height2, width2) = (
        (Fraction(t) + h / 2, Fraction(left) + w / 2, h, w)
        for (t, left, *_), (h, w) in ((box, sides(box)), (target, sides(target)))
    )
    return [
        float((y2 - y) / height),
        float((x2 - x) / width),
        math.log(height2 / height),
        math.log(width2 / width),
    ]


def decode(box, deltas):
    dy, dx, log_height, log_width = deltas
    height, width = map(float, sides(box))
    y, x = box[0] + height / 2 + dy * height, box[1] + width / 2 + dx * width
    height, width = height * math.exp(log_height), width * math.exp(log_width)
    return [y - height / 2, x - width / 2, y + height / 2, x + width / 2]


def clip(box, height, width):
    """Rows and columns moved into the picture, each by itself."""
    return [min(max(value, 0), limit) for value, limit in zip(box, (height, width, height, width), strict=True)]


def match(boxes, scores, truth, difficult, threshold, inclusive=False):
    """(correct, ignored): each detection in turn is judged by the object that it overlaps most."""
    if inclusive:
        boxes, truth = ([[t, left, b + 1, r + 1] for t, left, b, r in rows] for rows in (boxes, truth))
    correct, ignored, had = [False] * len(boxes), [False] * len(boxes), set()
    for i in sorted(range(len(boxes)), key=lambda i: -Fraction(scores[i])):  # sorted keeps the order of equals
        best, most = None, Fraction(0)
        for k in range(len(truth)):
            overlap = iou(boxes[i], truth[k])
            if overlap > most:
                best, most = k, overlap
        if best is None or float(most) < threshold:
            continue
        if difficult[best]:
            ignored[i] = True
        elif best not in had:
            correct[i] = True
            had.add(best)
    return correct, ignored


def average_precision(scores, correct, positives, rule):
    """The mean of the best precision at each recall: at k/positives for "area", at k/10 for "11-point"."""
    if positives == 0:
        return math.nan
    hits, curve = 0, []
    for number, i in enumerate(sorted(range(len(scores)), key=lambda i: -Fraction(scores[i])), 1):
        hits += correct[i]
        curve.append((Fraction(hits, positives), Fraction(hits, number)))
    recalls = [Fraction(k, positives) for k in range(1, positives + 1)]
    if rule == "11-point":
        recalls = [Fraction(k, 10) for k in range(11)]
    best = [max((precision for recall, precision in curve if recall >= wanted), default=0) for wanted in recalls]
    return float(Fraction(sum(best)) / len(best))
