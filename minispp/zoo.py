"""The networks of the paper, and a small one that trains on a laptop.

Each is built with a spatial pyramid, or with ``spp=False`` as the twin it is compared with: the same layers,
but the last pooling has a fixed grid of 6x6 bins, and the net takes one size of picture. On the maps of these
nets (13x13, 18x18, 12x12 cells) the 6x6 grid is the sliding pooling of the original networks, because
the number of cells leaves a rest of 0 or 1 when divided by 6.

Figures for all: paper, section 3.1.1; details of ZF-5 as released.
"""

import numpy as np

from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, ReLU
from minispp.net import Net

PYRAMID = (6, 3, 2, 1)


def zf5(classes=1000, levels=PYRAMID, spp=True, seed=0, sigma=0.01, dtype=np.float32):
    """Zeiler and Fergus' five convolutions as released with SPP-net: 13x13 cells of 256 channels at 224 pixels.

    Parameters
    ----------
    classes : int or list of str
        How many scores, or what they are called.
    levels : sequence
        The pyramid.
    spp : bool
        False for the twin with a fixed 6x6 pooling.
    seed : int
        Of the initial weights and of dropout.
    sigma : float or None
        Standard deviation of the initial weights; None for He's.
    dtype : float type

    Examples
    --------
    >>> net = zf5(classes=10)
    >>> net.field, [net.map_size(size) for size in (224, 180, 688, 1200)]
    (Field(stride=16, size=139, centre=20), [13, 10, 42, 74])
    """
    draw = {"sigma": sigma, "rng": np.random.default_rng(seed), "dtype": dtype}
    norm = {"size": 3, "alpha": 5e-5, "beta": 0.75, "across": False}
    trunk = [
        *(Conv2D(3, 96, 7, stride=2, pad=1, **draw), ReLU(), LRN(**norm), MaxPool(3, 2)),
        *(Conv2D(96, 256, 5, stride=2, **draw), ReLU(), LRN(**norm), MaxPool(3, 2)),
        *(Conv2D(256, 384, 3, pad=1, **draw), ReLU()),
        *(Conv2D(384, 384, 3, pad=1, **draw), ReLU()),
        *(Conv2D(384, 256, 3, pad=1, **draw), ReLU()),
    ]
    return _finish(trunk, 256, classes, levels, spp, 224, 2 * [4096], draw, seed)


def convnet5(classes=1000, levels=PYRAMID, spp=True, seed=0, sigma=0.01, dtype=np.float32):
    """Krizhevsky's net with its poolings moved after conv2 and conv3, as the paper's Convnet*-5.

    13x13 cells of 256 channels at 224 pixels, 10x10 at 180. Normalisation across channels, with Krizhevsky's
    constants. Parameters as for `zf5`.

    Examples
    --------
    >>> net = convnet5(classes=10)
    >>> [net.map_size(size) for size in (224, 180)]
    [13, 10]
    """
    draw = {"sigma": sigma, "rng": np.random.default_rng(seed), "dtype": dtype}
    norm = {"size": 5, "alpha": 5e-4, "beta": 0.75, "bias": 2.0, "across": True}
    trunk = [
        *(Conv2D(3, 96, 11, stride=4, **draw), ReLU(), LRN(**norm)),
        *(Conv2D(96, 256, 5, pad=2, **draw), ReLU(), LRN(**norm), MaxPool(3, 2)),
        *(Conv2D(256, 384, 3, pad=1, **draw), ReLU(), MaxPool(3, 2)),
        *(Conv2D(384, 384, 3, pad=1, **draw), ReLU()),
        *(Conv2D(384, 256, 3, pad=1, **draw), ReLU()),
    ]
    return _finish(trunk, 256, classes, levels, spp, 224, 2 * [4096], draw, seed)


def overfeat5(classes=1000, levels=PYRAMID, spp=True, seed=0, sigma=0.01, dtype=np.float32):
    """Overfeat's layout with five convolutions: 18x18 cells of 512 channels at 224 pixels, stride 12.

    Parameters as for `zf5`.

    Examples
    --------
    >>> net = overfeat5(classes=10)
    >>> net.map_size(224), net.field
    (18, Field(stride=12, size=113, centre=14))
    """
    return _overfeat(3, classes, levels, spp, seed, sigma, dtype)


def overfeat7(classes=1000, levels=PYRAMID, spp=True, seed=0, sigma=0.01, dtype=np.float32):
    """Overfeat's layout with seven convolutions: 18x18 cells of 512 channels at 224 pixels, stride 12.

    Parameters as for `zf5`.

    Examples
    --------
    >>> net = overfeat7(classes=10)
    >>> net.map_size(224), net.field
    (18, Field(stride=12, size=161, centre=14))
    """
    return _overfeat(5, classes, levels, spp, seed, sigma, dtype)


def small(classes, levels=PYRAMID, spp=True, seed=0, width=24, input_size=96, dtype=np.float32):
    """Four convolutions at stride 8, 1.4 million parameters: trains from scratch on a CPU in minutes.

    Parameters
    ----------
    classes : int or list of str
    levels : sequence
    spp : bool
        False for the twin with a fixed 6x6 pooling at `input_size`.
    seed : int
    width : int
        Filters of the first layer; the others have 2, 4 and 4 times as many.
    input_size : int
        Side of the pictures of the twin; a multiple of 48 makes its pooling the sliding one.
    dtype : float type

    Examples
    --------
    >>> net = small(classes=["cat", "dog"])
    >>> net.map_size(96), net.field
    (12, Field(stride=8, size=51, centre=3))
    """
    rng = np.random.default_rng(seed)
    draw = {"sigma": None, "rng": rng, "dtype": dtype}
    trunk = [
        *(Conv2D(3, width, 5, stride=2, pad=2, **draw), ReLU(), MaxPool(2, 2)),
        *(Conv2D(width, 2 * width, 3, pad=1, **draw), ReLU(), MaxPool(2, 2)),
        *(Conv2D(2 * width, 4 * width, 3, pad=1, **draw), ReLU()),
        *(Conv2D(4 * width, 4 * width, 3, pad=1, **draw), ReLU()),
    ]
    return _finish(trunk, 4 * width, classes, levels, spp, input_size, [256], draw, seed)


def _overfeat(deep, classes, levels, spp, seed, sigma, dtype):
    """The 3x3 layers number `deep`. Padding 0 in conv1 puts the first centre at pixel 14, as published."""
    draw = {"sigma": sigma, "rng": np.random.default_rng(seed), "dtype": dtype}
    trunk = [
        *(Conv2D(3, 96, 7, stride=2, **draw), ReLU(), MaxPool(3, 3)),
        *(Conv2D(96, 256, 5, pad=1, **draw), ReLU(), MaxPool(2, 2)),
    ]
    for layer in range(deep):
        trunk += [Conv2D(512 if layer else 256, 512, 3, pad=1, **draw), ReLU()]
    return _finish(trunk, 512, classes, levels, spp, 224, 2 * [4096], draw, seed)


def _finish(trunk, channels, classes, levels, spp, input_size, hidden, draw, seed):
    """Add the pooling and the fully connected layers; each hidden one is followed by ReLU and dropout."""
    names = None if isinstance(classes, (int, np.integer)) else list(classes)
    pool = SPP(levels) if spp else SPP((6,))
    head, features = [], pool.bins * channels
    for position, size in enumerate(hidden):
        head += [Linear(features, size, **draw), ReLU(), Dropout(0.5, seed=(1000 * seed + position) % 2**31)]
        features = size
    head.append(Linear(features, int(classes) if names is None else len(names), **{**draw, "sigma": 0.01}))
    return Net(trunk, pool, head, input_size=None if spp else input_size, classes=names)
