"""PyTorch's side of a case, in one of its two memory layouts. Needs PyTorch.

Forward alone runs without autograd's notes; backward is `torch.autograd.grad`. Maxima are taken with their winners, as
ours are. Normalisation within a map has no operation of its own in PyTorch: it is an average pooling of squares.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from minispp.bench.case import TORCH_LAST
from minispp.bench.ours import DECAY, MOMENTUM, RATE
from minispp.bench.twin import LAYERS, Twin, array, spp_vectors, tensor

# Sliding maxima with their winners, which `F.max_pool2d` drops where no gradient is asked for.
WITH_WINNERS = {
    "MaxPool": lambda layer, x: F.max_pool2d(
        x, layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil_mode, return_indices=True
    )[0]
}


def job(case, side, threads):
    """Whoever does this case."""
    torch.set_num_threads(threads)
    layout = torch.channels_last if side == TORCH_LAST else torch.contiguous_format
    return (StepJob if case.is_net else LayerJob)(case, layout)


class LayerJob:
    """A layer forward, backward or both; the methods are those of `minispp.bench.ours.LayerJob`."""

    def __init__(self, case, layout):
        self.case, self.layout, self.layer = case, layout, case.subject()
        kind = type(self.layer).__name__
        self.function = {**LAYERS, **WITH_WINNERS}[kind]
        self.params = []
        for param in self.layer.params():
            value = param.value
            if value.ndim > 1:  # (kh, kw, C, D) -> (D, C, kh, kw), and (I, O) -> (O, I)
                value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            self.params.append(self._tensor(torch.from_numpy(value.copy())).requires_grad_())
        self.layer.training = True

    def _tensor(self, t):
        return t.contiguous(memory_format=self.layout) if t.ndim == 4 else t

    def draw(self, seed):
        """New inputs; the notes for backward are taken now if only backward is timed."""
        arrays = self.case.inputs(seed)
        self.x = self._tensor(tensor(arrays["x"], learned=False))
        if self.case.work != "forward":
            dy = torch.from_numpy(arrays["dy"])
            if type(self.layer).__name__ == "SPP":
                dy = self._their_order(dy)
            elif dy.ndim == 4:
                dy = self._tensor(dy.permute(0, 3, 1, 2))
            self.dy = dy
            self.x.requires_grad_(self.case.needs_dx)
        if self.case.work == "backward":
            self.y = self._forward()

    def _their_order(self, dy):
        """Our vectors (bin, channel) in PyTorch's order (level, channel, bin)."""
        levels = [rows * columns for rows, columns in self.layer.levels]
        parts = dy.unflatten(1, (sum(levels), -1)).split(levels, dim=1)
        return torch.cat([part.transpose(1, 2).flatten(1) for part in parts], dim=1)

    def _forward(self):
        return self.function(self.layer, self.x, *self.params)

    def _backward(self, y):
        learned = ([self.x] if self.case.needs_dx else []) + self.params
        return torch.autograd.grad(y, learned, self.dy, retain_graph=self.case.work == "backward")

    def before(self):
        """Nothing: gradients are returned, not added."""

    def run(self):
        """The work."""
        if self.case.work == "forward":
            with torch.no_grad():
                self._forward()
        else:
            self._backward(self.y if self.case.work == "backward" else self._forward())

    def results(self):
        """In our layout and order; without dropout."""
        self.layer.training = False
        y = self._forward()
        found = {}
        if self.case.work != "backward":
            vectors = type(self.layer).__name__ == "SPP"
            found["y"] = array(spp_vectors(y, self.layer.levels, self.x.shape[1]) if vectors else y)
        if self.case.work != "forward":
            gradients = list(self._backward(y))
            if self.case.needs_dx:
                found["dx"] = array(gradients.pop(0))
            for param, gradient in zip(self.layer.params(), gradients, strict=True):
                g = gradient.numpy()
                found[f"d{param.name}"] = g.transpose(2, 3, 1, 0) if g.ndim == 4 else g.T
        self.layer.training = True
        return found


class StepJob:
    """A training step of a net's twin."""

    def __init__(self, case, layout):
        self.case, self.layout = case, layout
        self.twin = Twin(case.subject(), layout)
        self.twin.training = True
        self.optimiser = self.twin.sgd(RATE, MOMENTUM, DECAY, fused=True)

    def draw(self, seed):
        """New pictures and labels."""
        arrays = self.case.inputs(seed)
        self.x = tensor(arrays["x"], learned=False).contiguous(memory_format=self.layout)
        self.labels = torch.from_numpy(arrays["labels"])

    def before(self):
        """Nothing: a step begins by dropping the gradients."""

    def run(self):
        """Forward, loss, backward, optimiser; the loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.twin.forward(self.x), self.labels)
        loss.backward()
        if self.case.clip is not None:
            torch.nn.utils.clip_grad_norm_(list(self.twin.params.values()), self.case.clip)
        self.optimiser.step()
        return loss.item()

    def results(self):
        """Of a new twin without dropout: the loss, and the gradient of the first layer's weights in our layout."""
        twin = Twin(self.case.subject(), self.layout)
        loss = F.cross_entropy(twin.forward(self.x), self.labels)
        loss.backward()
        first = next(iter(twin.params.values()))
        return {"loss": np.array(loss.item()), "gradient": first.grad.numpy().transpose(2, 3, 1, 0)}
