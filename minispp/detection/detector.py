"""A detector: propose -> describe -> score -> refine -> decide, and nothing else.

Each stage is a pure function of its own module; here they stand one after the other, with the shapes between them.
"""

import json
from dataclasses import asdict

import numpy as np

from minispp import weights
from minispp.boxes import clip
from minispp.detection.decide import decide
from minispp.detection.hard_negatives import Detectors
from minispp.detection.modes import MODES
from minispp.detection.regress import BoxRegressor, predict_all
from minispp.detection.selective_search import selective_search
from minispp.detection.stages import Stages

FORMAT = "minispp detector 1"


class Detector:
    """A net, how it looks at windows, what reads their features, and where it looks.

    Parameters
    ----------
    net : Net
        Its trunk and pooling are used; of its head, nothing.
    mode : SppMode or RcnnMode
    svms : Detectors
        One SVM a class, on pooled features.
    regressors : sequence of BoxRegressor
        One a class.
    classes : sequence of str
    search : dict
        Settings of `selective_search`.

    Attributes
    ----------
    stages : Stages
        Time spent so far, by stage.
    """

    def __init__(self, net, mode, svms, regressors, classes, search):
        self.net, self.mode, self.svms, self.regressors = net, mode, svms, list(regressors)
        self.classes, self.search = [str(name) for name in classes], dict(search)
        self.stages = Stages()

    def propose(self, picture):
        """Picture (H, W, 3) -> boxes (R, 4), by selective search."""
        with self.stages("propose"):
            return selective_search(picture, **self.search)

    def candidates(self, picture, boxes):
        """Picture and boxes (R, 4) -> moved boxes (R, K, 4) within the picture, and scores (R, K)."""
        with self.stages("describe"):
            features = self.mode.of(self.net, picture)(boxes)  # (R, 4) -> (R, M*C)
        with self.stages("score"):
            scores = self.svms.score(features)  # (R, M*C) -> (R, K)
        with self.stages("refine"):
            moved = predict_all(self.regressors, features, boxes)  # (R, M*C) -> (R, K, 4)
            moved = clip(moved.reshape(-1, 4), *picture.shape[:2]).reshape(moved.shape)
        return moved, scores

    def detect(self, picture, boxes=None, **decisions):
        """What is in a picture.

        Parameters
        ----------
        picture : uint8 array (H, W, 3)
        boxes : int array (R, 4), optional
            Where to look; by `propose` if not given.
        **decisions
            threshold, least and top of `decide`.

        Returns
        -------
        Detections
        """
        boxes = self.propose(picture) if boxes is None else boxes
        moved, scores = self.candidates(picture, boxes)  # (R, 4) -> (R, K, 4), (R, K)
        with self.stages("decide"):
            return decide(moved, scores, **decisions)  # -> (D, 4), (D,), (D,)

    def save(self, path):
        """Write all of it to one safetensors file, all or nothing."""
        tensors = {param.name: self.net.ops.to_numpy(param.value) for param in self.net.params()}
        tensors["svm.weights"], tensors["svm.intercepts"] = self.svms.weights, self.svms.intercepts
        tensors["box.weights"] = np.stack([each.weights for each in self.regressors])
        tensors["box.intercepts"] = np.stack([each.intercepts for each in self.regressors])
        about = {
            "net": weights.describe(self.net),
            "mode": next(name for name, kind in MODES.items() if isinstance(self.mode, kind)),
            "settings": asdict(self.mode),
            "scale": self.svms.scale,
            "classes": self.classes,
            "search": self.search,
        }
        weights.write_tensors(path, tensors, {"format": FORMAT, "detector": json.dumps(about)})

    @classmethod
    def load(cls, path):
        """The detector that `save` wrote, on the reference backend.

        Raises
        ------
        ValueError
            If the file is missing, truncated, not a detector, or does not fit its own description.
        """
        tensors, metadata = weights.read_tensors(path)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"{path}: expected a file of format {FORMAT!r}, got {metadata.get('format')!r}")
        try:
            about = json.loads(metadata["detector"])
            net = weights.rebuild(json.dumps(about["net"]), path)
            mode = MODES[about["mode"]](**about["settings"])
            classes, search = [str(name) for name in about["classes"]], dict(about["search"])
            shapes = _shapes(net.head[0].in_features, len(classes))
            ours = {name: tensors.pop(name) for name in shapes}
            wrong = {name: value.shape for name, value in ours.items() if value.shape != shapes[name]}
            if wrong:
                raise ValueError(f"expected {shapes}, got {wrong}")
            scale = float(about["scale"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise ValueError(f"{path}: its description of the detector cannot be read ({error})") from None
        weights.assign(net, tensors, path)
        svms = Detectors(ours["svm.weights"], ours["svm.intercepts"], scale)
        regressors = map(BoxRegressor, ours["box.weights"], ours["box.intercepts"])
        return cls(net, mode, svms, regressors, classes, search)


def _shapes(length, classes):
    """The shapes of a detector's own arrays, by name."""
    return {
        "svm.weights": (length, classes),
        "svm.intercepts": (classes,),
        "box.weights": (classes, length, 4),
        "box.intercepts": (classes, 4),
    }
