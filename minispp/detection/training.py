"""From scenes to a detector: a trunk, then an SVM and a box regression for each class on what it says about windows."""

import numpy as np
from tqdm import tqdm

from minispp.boxes import iou
from minispp.data.dataset import Cache
from minispp.detection.detector import Detector
from minispp.detection.hard_negatives import Described, fit_detectors
from minispp.detection.regress import BoxSamples
from minispp.detection.stages import Stages

CACHE_BYTES = 2 * 2**30  # of features, for all pictures together
DIFFICULT = 0.5  # most overlap with a difficult object: too much for a negative, too little for a positive


class DescribedScenes:
    """The windows of each scene, its objects first, as `fit_detectors` asks for them; kept while they fit.

    Parameters
    ----------
    net : Net
        Its weights must not change while this is in use.
    mode : SppMode or RcnnMode
    scenes : detection dataset
    proposals : sequence of int array (R, 4)
        For each scene.
    cache_bytes : int
        Most bytes of features to keep.

    Examples
    --------
    >>> from minispp import zoo
    >>> from minispp.data import Shapes
    >>> from minispp.detection.modes import SppMode
    >>> scenes = Shapes(2, objects=3)
    >>> described = DescribedScenes(zoo.small(3), SppMode(48), scenes, [np.array([[0, 0, 30, 40]])] * 2)
    >>> described[0].features.shape[1], described[0].is_truth[0], described[0].is_truth[-1]
    (4800, np.True_, np.False_)
    """

    def __init__(self, net, mode, scenes, proposals, cache_bytes=CACHE_BYTES):
        if len(proposals) != len(scenes):
            raise ValueError(f"expected proposals for each of {len(scenes)} scenes, got {len(proposals)}")
        self.net, self.mode, self.scenes, self.proposals = net, mode, scenes, proposals
        self._cache = Cache(cache_bytes)

    def __len__(self):
        return len(self.scenes)

    def __getitem__(self, index):
        scene = self.scenes.scene(index)
        objects = scene.boxes[~scene.difficult]
        boxes = np.concatenate([objects, self.proposals[index]])
        features = self._cache.get(index, lambda: self.mode.of(self.net, scene.picture)(boxes))
        with_objects = iou(boxes, scene.boxes)
        with_objects[:, scene.difficult] = np.minimum(with_objects[:, scene.difficult], DIFFICULT)
        overlaps = np.zeros((len(boxes), len(self.scenes.classes)))
        for label in np.unique(scene.labels):
            overlaps[:, label] = with_objects[:, scene.labels == label].max(axis=1)
        return Described(features, overlaps, boxes, np.arange(len(boxes)) < len(objects))


def train_detector(
    net, mode, scenes, proposals, search, *, svm=None, box_iou=0.6, ridge=1000.0, seed=0, stages=None, progress=True
):
    """Fit what reads the features of a trunk that stays as it is.

    Parameters
    ----------
    net : Net
    mode : SppMode or RcnnMode
    scenes : detection dataset
    proposals : sequence of int array (R, 4)
        For each scene.
    search : dict
        The settings of `selective_search` that made the proposals: the detector will use them.
    svm : dict, optional
        Settings of `fit_detectors`.
    box_iou : float
        Windows that overlap an object of a class by this much teach its box regression.
    ridge : float
        Of box regression, for features of the mean norm that the SVMs have.
    seed : int
    stages : Stages, optional
        Where time is added up.
    progress : bool

    Returns
    -------
    Detector
    """
    stages = stages or Stages()
    described = DescribedScenes(net, mode, scenes, proposals)
    with stages("train SVMs"):
        svms = fit_detectors(described, scenes.classes, seed=seed, progress=progress, **(svm or {}))
    with stages("train box regression"):
        regressors = fit_regressors(described, box_iou, ridge / svms.scale**2, progress)
    return Detector(net, mode, svms, regressors, scenes.classes, search)


def fit_regressors(described, box_iou=0.6, ridge=1000.0, progress=True):
    """A box regression for each class, from the windows that overlap an object of it; each goes to the nearest one.

    Parameters
    ----------
    described : DescribedScenes
    box_iou : float
    ridge : float
        See `BoxSamples.solve`.
    progress : bool

    Returns
    -------
    list of BoxRegressor
        One that moves nothing for a class with fewer than five windows.
    """
    samples = None
    for index in tqdm(range(len(described)), desc="box regression", unit="picture", delay=2, disable=not progress):
        scene, windows = described.scenes.scene(index), described[index]
        samples = samples or [BoxSamples(windows.features.shape[1]) for _ in described.scenes.classes]
        with_objects = iou(windows.boxes, scene.boxes)
        for label in np.unique(scene.labels[~scene.difficult]):
            objects = np.flatnonzero((scene.labels == label) & ~scene.difficult)
            nearest = with_objects[:, objects].argmax(axis=1)
            rows = np.flatnonzero(with_objects[:, objects].max(axis=1) >= box_iou)
            samples[label].add(windows.features[rows], windows.boxes[rows], scene.boxes[objects[nearest[rows]]])
    return [each.solve(ridge, fewest=5) for each in samples]
