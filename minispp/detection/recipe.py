"""The whole training of a detector, from scenes to a file, as the command line, the demo and the benchmarks run it."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tqdm import tqdm

from minispp import kernels, zoo
from minispp.data import View
from minispp.detection.finetune import fine_tune
from minispp.detection.pretrain import Crops
from minispp.detection.selective_search import selective_search
from minispp.detection.stages import Stages
from minispp.detection.store import Store
from minispp.detection.training import train_detector
from minispp.optim import Cosine
from minispp.sizes import Single
from minispp.train import fit


@dataclass(frozen=True)
class Recipe:
    """What a training depends on, besides its scenes and a seed.

    Attributes
    ----------
    search : dict
        Settings of `selective_search`.
    mode : SppMode or RcnnMode
    width : int
        Filters of the first layer of the small net.
    crops, crop_side : int
        Samples, and their side, of the trunk's first training.
    train_scales : tuple of int
        Shorter sides at which pictures are seen in its second, through windows.
    epochs : int
        Of the second.
    rate : float
        Of both.
    svm : dict
        Settings of `fit_detectors`.
    ridge : float
        Of box regression.
    """

    search: dict
    mode: object
    width: int = 24
    crops: int = 16_000
    crop_side: int = 64
    train_scales: tuple = (480,)
    epochs: int = 10
    rate: float = 0.02
    svm: dict = field(default_factory=lambda: {"C": 3e-4, "bias": 5.0, "positive_weight": 1.0, "positive_iou": 0.7})
    ridge: float = 1000.0


def propose_all(scenes, search, folder=None, progress=True):
    """The proposals of each scene; kept in a folder, and taken from there, if one is given."""
    find = partial(selective_search, **search) if folder is None else Store(folder, selective_search, **search)
    bar = tqdm(range(len(scenes)), desc="proposals", unit="picture", delay=2, disable=not progress)
    return [find(scenes.scene(index).picture) for index in bar]


def train_trunk(scenes, proposals, recipe, seed=0, progress=True, checkpoint=None):
    """A small net from scratch: on crops first, and then through its windows on whole pictures."""
    first = None if checkpoint is None else Path(checkpoint).with_suffix(".crops.safetensors")
    net = train_trunk_on_crops(scenes, proposals, recipe, seed, progress, first)
    scales, epochs, schedule = recipe.train_scales, recipe.epochs, Cosine(recipe.rate, recipe.epochs, warmup=0.2)
    settings = {"scales": scales, "schedule": schedule, "epochs": epochs, "seed": seed, "checkpoint": checkpoint}
    fine_tune(net, scenes, proposals, **settings, progress=progress)
    return net


def train_trunk_on_crops(scenes, proposals, recipe, seed=0, progress=True, checkpoint=None):
    """A small net from scratch, on crops of one size. Its last class is background."""
    crops = Crops(scenes, proposals, recipe.crops, recipe.crop_side, seed=seed)
    net = zoo.small(crops.classes, width=recipe.width, seed=seed).to(kernels.cpu)
    settings = {"sizes": Single(recipe.crop_side), "schedule": Cosine(recipe.rate, 1, warmup=0.1), "epochs": 1}
    kept = {"checkpoint": checkpoint, "checkpoint_steps": 100}
    fit(net, crops, **settings, **kept, batch=32, view=View(margin=1.0), seed=seed, progress=progress)
    return net


def train(scenes, recipe, *, seed=0, folder=None, trunk=train_trunk, checkpoint=None, progress=True):
    """Scenes -> Detector, whose `stages` say how long each took.

    Parameters
    ----------
    scenes : detection dataset
    recipe : Recipe
    seed : int
    folder : path, optional
        Where proposals are kept, and taken from: see `Store`.
    trunk : function
        `train_trunk` or `train_trunk_on_crops`.
    checkpoint : path, optional
        Where the state of the trunk's training is kept, and resumed from.
    progress : bool
    """
    stages = Stages()
    with stages("propose"):
        proposals = propose_all(scenes, recipe.search, folder, progress)
    with stages("train trunk"):
        net = trunk(scenes, proposals, recipe, seed, progress, checkpoint)
    settings = {"svm": recipe.svm, "ridge": recipe.ridge, "seed": seed, "stages": stages, "progress": progress}
    detector = train_detector(net, recipe.mode, scenes, proposals, recipe.search, **settings)
    detector.stages = stages
    return detector
