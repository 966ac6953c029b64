"""SPP-net beside R-CNN: the same scenes, proposals, trunk, weights and fits; only the features differ."""

from dataclasses import dataclass

from tqdm import tqdm

from minispp.detection.matching import proposal_recall
from minispp.detection.precision import Result, evaluate
from minispp.detection.recipe import propose_all, train_trunk_on_crops
from minispp.detection.stages import Stages
from minispp.detection.training import train_detector


@dataclass(frozen=True)
class Outcome:
    """What one mode reached.

    Attributes
    ----------
    result : Result
        Average precision on the test scenes.
    found : list of Detections
        For each test scene.
    training, testing : Stages
        What took how long, for all scenes together.
    """

    result: Result
    found: list
    training: Stages
    testing: Stages


def compare_modes(train, test, recipe, modes, *, trunk=train_trunk_on_crops, seed=0, folder=None, progress=True):
    """Train one trunk, and on it a detector for each mode; try each on the test scenes.

    Parameters
    ----------
    train, test : detection datasets
        Of the same classes.
    recipe : Recipe
        Its own mode is not used.
    modes : dict of str to SppMode or RcnnMode
    trunk : function
        `train_trunk_on_crops` or `train_trunk`; each mode is best on what its trunk has seen.
    seed : int
    folder : path, optional
        Where proposals are kept.
    progress : bool

    Returns
    -------
    outcomes : dict of str to Outcome
    recall : float
        Share of the test objects that a proposal overlaps by half or more: what no mode can exceed.
    """
    windows, test_windows = (propose_all(scenes, recipe.search, folder, progress) for scenes in (train, test))
    net = trunk(train, windows, recipe, seed, progress)
    outcomes = {}
    for name, mode in modes.items():
        training = Stages()
        settings = {"svm": recipe.svm, "ridge": recipe.ridge, "seed": seed, "stages": training, "progress": progress}
        detector = train_detector(net, mode, train, windows, recipe.search, **settings)
        found, result = try_out(detector, test, test_windows, progress=progress)
        outcomes[name] = Outcome(result, found, training, detector.stages)
    recall = proposal_recall(test_windows, [test.scene(index).boxes for index in range(len(test))], counts=(10**9,))
    return outcomes, recall.item()


def try_out(detector, scenes, proposals, threshold=0.5, progress=True):
    """Detect in every scene, and measure at an IoU: the detections of each, and the `Result`."""
    found, truths = [], []
    for index in tqdm(range(len(scenes)), desc="detecting", unit="picture", delay=2, disable=not progress):
        scene = scenes.scene(index)
        found.append(detector.detect(scene.picture, proposals[index]))
        truths.append(scene[1:])
    return found, evaluate(found, truths, detector.classes, threshold, progress=progress)
