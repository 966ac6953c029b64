"""Scenes so small that a detector is trained in a second: dark noise with a red or a green rectangle or two."""

import numpy as np

from minispp.data import Scene


class Scenes:
    """A detection dataset. The last object of every third scene is difficult; scene 1 has none at all."""

    def __init__(self, count=8, seed=0, low=40, high=70):
        self.classes, self.names = ["red", "green"], [f"scene {k}" for k in range(count)]
        self.scenes = [self._scene(k, np.random.default_rng([seed, k]), low, high) for k in range(count)]

    def _scene(self, number, rng, low, high):
        height, width = rng.integers(low, high, 2)
        picture = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
        boxes, labels = [], []
        for part in range(0 if number == 1 else 2):  # one in the left half, one in the right half
            across, down = rng.integers(width // 4, width // 2 - 2), rng.integers(height // 3, height - 4)
            left, top = part * (width // 2) + rng.integers(0, width // 2 - across), rng.integers(0, height - down)
            label = int(rng.integers(2))
            picture[top : top + down, left : left + across, label] += 150
            boxes.append((top, left, top + down, left + across))
            labels.append(label)
        difficult = np.zeros(len(boxes), bool)
        difficult[-1:] = number % 3 == 0
        return Scene(picture, np.array(boxes, np.int64).reshape(-1, 4), np.array(labels, np.int64), difficult)

    def __len__(self):
        return len(self.scenes)

    def scene(self, index):
        return self.scenes[index]


def proposals(scenes, count=12, seed=0):
    """For each scene its objects, moved by some pixels, and windows anywhere."""
    found = []
    for index in range(len(scenes)):
        rng = np.random.default_rng([seed, index])
        picture, objects, _, _ = scenes.scene(index)
        height, width = picture.shape[:2]
        near = np.repeat(objects, 4, axis=0) + rng.integers(-4, 5, (4 * len(objects), 4))
        top, left = rng.integers(0, height - 8, count), rng.integers(0, width - 8, count)
        bottom, right = top + rng.integers(6, 40, count), left + rng.integers(6, 40, count)
        boxes = np.concatenate([near, np.stack([top, left, bottom, right], axis=1)])
        boxes = np.clip(boxes, 0, [height, width, height, width])
        found.append(boxes[((boxes[:, 2:] - boxes[:, :2]) >= 2).all(axis=1)])
    return found
