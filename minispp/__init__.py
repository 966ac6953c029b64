"""SPP-net from scratch: a small framework to read, run and trust.

A convolution takes an image of any size; a fully connected layer does not. SPP-net (He, Zhang, Ren, Sun, 2015)
puts a layer between them that cuts a feature map, or any window of it, into a fixed pyramid of bins and keeps
the maximum of each. So one set of weights trains on images of several sizes, classifies whole images, and describes
thousands of windows from one convolution of the image.

Read it in this order: `windows` (where to look), `kernels.reference` (how loops run), `layers` (formulas and
their derivatives), `net`, `train`, `predict`.

Examples
--------
>>> import minispp
>>> net = minispp.zoo.small(classes=["circle", "square"])
>>> net.map_size(96), net.map_size(180)
(12, 23)
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "check",
    "data",
    "fields",
    "kernels",
    "layers",
    "optim",
    "plot",
    "predict",
    "sizes",
    "train",
    "weights",
    "windows",
    "zoo",
)
__all__ = ["Net", "__version__", *_MODULES]


def __getattr__(name):
    """Import a module of the package when it is first named, so that ``import minispp`` costs next to nothing."""
    if name == "Net":
        return importlib.import_module("minispp.net").Net
    if name in _MODULES:
        return importlib.import_module(f"minispp.{name}")
    raise AttributeError(f"module 'minispp' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
