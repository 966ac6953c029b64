"""The same layers and nets in PyTorch, with copies of our weights. Needs PyTorch.

PyTorch knows nothing of minispp: other loops, other libraries, other derivatives (its autograd's), and a layout of
its own, (N, C, H, W). Tests and benchmarks compare ours with it.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch's own documentation gives it

from minispp import weights

# ---------------------------------------------------------------------------------------------------
# There and back


def tensor(a, learned=True):
    """A copy of an array as a tensor: maps become (N, C, H, W)."""
    a = np.asarray(a)
    a = np.array(a.transpose(0, 3, 1, 2) if a.ndim == 4 else a, order="C")
    return torch.from_numpy(a).requires_grad_(learned)


def array(t):
    """A tensor as an array: maps become (N, H, W, C)."""
    a = t.detach().numpy()
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def spp_vectors(t, levels, channels):
    """Vectors ordered by (level, channel, bin) as ours, ordered by (bin, channel).

    >>> spp_vectors(torch.arange(6.0)[None], [(1, 2), (1, 1)], channels=2).tolist()
    [[0.0, 2.0, 1.0, 3.0, 4.0, 5.0]]
    """
    parts = torch.split(t, [channels * rows * columns for rows, columns in levels], dim=1)
    return torch.cat([part.unflatten(1, (channels, -1)).transpose(1, 2).flatten(1) for part in parts], dim=1)


# ---------------------------------------------------------------------------------------------------
# Layers: ours, which says how, and tensors -> a tensor


def max_pool(layer, x):
    """Sliding maxima."""
    return F.max_pool2d(x, layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil_mode)


def lrn(layer, x):
    """Across channels PyTorch has it, and divides alpha by the size as we do; within one, from an average pooling."""
    if layer.across:
        return F.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.bias)
    energy = F.avg_pool2d(x * x, layer.size, stride=1, padding=layer.size // 2, count_include_pad=True)
    return x * (layer.bias + layer.alpha * energy) ** -layer.beta


def spp(layer, x):
    """One adaptive pooling a level. The vector is ordered by level, then channel, then bin."""
    return torch.cat([F.adaptive_max_pool2d(x, level).flatten(1) for level in layer.levels], dim=1)


LAYERS = {
    "Conv2D": lambda layer, x, weight, bias: F.conv2d(x, weight, bias, layer.stride, layer.pad),
    "ReLU": lambda layer, x: F.relu(x),
    "MaxPool": max_pool,
    "LRN": lrn,
    "SPP": spp,
    "Linear": lambda layer, x, weight, bias: F.linear(x, weight, bias),
    "Dropout": lambda layer, x: F.dropout(x, layer.rate) if layer.training else x,
}


# ---------------------------------------------------------------------------------------------------
# Nets


class Twin:
    """A net's twin: the same layers with copies of the net's weights.

    Parameters
    ----------
    net : Net
    layout : torch.memory_format
        Of the weights, and so of the maps.

    Attributes
    ----------
    params : dict of str to tensor
        By the names of the net's own parameters, in its order.
    training : bool
        Whether dropout is on.
    """

    def __init__(self, net, layout=torch.contiguous_format):
        self.layers, self.training = net.layers, False
        self.decays = {param.name: param.decays for param in net.params()}
        self.params = {}
        for name, a in weights.to_channels_first(net).items():
            t = torch.from_numpy(a)
            self.params[name] = (t.contiguous(memory_format=layout) if t.ndim == 4 else t).requires_grad_()

    def forward(self, x):
        """A tensor (N, 3, H, W) -> scores (N, classes)."""
        for layer in self.layers:
            kind = type(layer).__name__
            if kind == "ReLU":
                x = F.relu_(x)  # in place, as PyTorch's own nets do: nobody needs what was there
            elif kind == "Dropout":
                x = F.dropout(x, layer.rate, self.training)
            else:
                x = LAYERS[kind](layer, x, *(self.params[param.name] for param in layer.params()))
        return x

    def arrays(self):
        """The weights as `minispp.weights.from_channels_first` takes them."""
        return {name: t.detach().numpy() for name, t in self.params.items()}

    def sgd(self, rate, momentum, decay, fused=False):
        """PyTorch's optimiser, which decays weights and leaves biases alone."""
        groups = [
            {"params": [t for name, t in self.params.items() if self.decays[name]], "weight_decay": decay},
            {"params": [t for name, t in self.params.items() if not self.decays[name]], "weight_decay": 0.0},
        ]
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, fused=fused)
