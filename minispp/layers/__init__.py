"""The layers of SPP-net, each with its backward pass written by hand."""

from minispp.layers.conv import Conv2D
from minispp.layers.dropout import Dropout
from minispp.layers.layer import Layer, Param
from minispp.layers.linear import Linear
from minispp.layers.loss import SoftmaxLoss
from minispp.layers.lrn import LRN
from minispp.layers.pool import MaxPool
from minispp.layers.relu import ReLU
from minispp.layers.spp import SPP

__all__ = ["LRN", "SPP", "Conv2D", "Dropout", "Layer", "Linear", "MaxPool", "Param", "ReLU", "SoftmaxLoss"]
