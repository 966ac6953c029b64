"""Pictures full of windows that are easy, hard, or the object; and all of them at once, which real ones never fit."""

import numpy as np

from minispp.boxes import iou
from minispp.detection.hard_negatives import Described

WIDTH, WINDOWS, OBJECTS = 24, 30, 5


class Drawn:
    """Pictures of 3 classes, described when asked for; the same each time, and `asked` says which ones were."""

    def __init__(self, count, seed, unit=1.0):
        self.count, self.seed, self.unit, self.asked = count, seed, unit, []

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        self.asked.append(number)
        rng = np.random.default_rng([self.seed, number])
        corner, size = rng.integers(0, 60, (OBJECTS, 2)), rng.integers(8, 30, (OBJECTS, 2))
        truth = np.hstack([corner, corner + size])
        label = np.concatenate([np.arange(3), rng.integers(0, 3, OBJECTS - 3)])
        near = truth[rng.integers(0, OBJECTS, WINDOWS - OBJECTS)] + rng.integers(-12, 12, (WINDOWS - OBJECTS, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 3)
        boxes = np.concatenate([truth, near])
        overlaps = np.stack([iou(boxes, truth[label == k]).max(axis=1) for k in range(3)], axis=1)
        directions = np.random.default_rng(0).normal(size=(3, WIDTH))
        features = np.maximum(overlaps @ directions * 1.5 + rng.normal(size=(WINDOWS, WIDTH)), 0)
        is_truth = np.arange(WINDOWS) < OBJECTS
        return Described((self.unit * features).astype(np.float32), overlaps, boxes, is_truth)

    def nothing(self):
        """A picture in which no window was proposed."""
        return Described(*(array[:0] for array in self[0]))


def everything(pictures, k, positive_iou=None, negative_iou=0.3):
    """Features and labels of every window of every picture that is an example for class k, in plain loops."""
    features, labels = [], []
    for number in range(len(pictures)):
        picture = pictures[number]
        for x, overlap, truth in zip(picture.features, picture.overlaps[:, k], picture.is_truth, strict=True):
            positive = overlap == 1 if truth else positive_iou is not None and overlap >= positive_iou
            if positive or overlap <= negative_iou:
                features.append(x)
                labels.append(positive)
    return np.array(features), np.array(labels, bool)
