"""Graders of notebook 2: right answers pass, and what people get wrong is named."""

import answers
import numpy as np
import pytest

from minispp.exercises import convolution
from minispp.layers import Layer, Param

# -- fold ------------------------------------------------------------------------------------------


def scattered(patches, height, width, kernel, stride, pad, put=np.add.at, cut="both", by="row", order="uvc", s=None):
    """Loops over patches, with a place for each mistake."""
    channels = patches.shape[1] // kernel**2
    columns = (width + 2 * pad - kernel) // stride + 1
    rows = (height + 2 * pad - kernel) // stride + 1
    around = np.zeros((height + 2 * pad, width + 2 * pad, channels))
    for r, patch in enumerate(patches):
        i, j = divmod(r, columns) if by == "row" else divmod(r, rows)[::-1]
        if order == "cuv":
            block = patch.reshape(channels, kernel, kernel).transpose(1, 2, 0)
        else:
            block = patch.reshape(kernel, kernel, channels)
        block = block.swapaxes(0, 1) if order == "vuc" else block[::-1, ::-1] if order == "turned" else block
        step = s or stride
        where = slice(i * step, i * step + kernel), slice(j * step, j * step + kernel)
        put(around, where, block)
    if cut == "start":
        return around[2 * pad :, 2 * pad :]
    if cut == "end":
        return around[:height, :width]
    return around if cut == "none" else around[pad : pad + height, pad : pad + width]


def by_taps(patches, height, width, kernel, stride, pad):
    """One tap at a time, in slices."""
    rows, columns = ((size + 2 * pad - kernel) // stride + 1 for size in (height, width))
    blocks = patches.reshape(rows, columns, kernel, kernel, -1)
    around = np.zeros((height + 2 * pad, width + 2 * pad, blocks.shape[-1]))
    for u, v in np.ndindex(kernel, kernel):
        around[u : u + rows * stride : stride, v : v + columns * stride : stride][:rows, :columns] += blocks[:, :, u, v]
    return around[pad : pad + height, pad : pad + width]


def overwrite(around, where, block):
    around[where] = block


def changing(patches, *settings):
    result = scattered(patches, *settings)
    patches[:] = 0
    return result


def with_(**mistake):
    return lambda patches, *settings: scattered(patches, *settings, **mistake)


def averaged(patches, *settings):
    return scattered(patches, *settings) / np.maximum(scattered(np.ones_like(patches), *settings), 1)


FOLD_WRONG = {
    "overwritten": (with_(put=overwrite), "use +="),
    "averaged": (averaged, "do not divide"),
    "padding kept": (with_(cut="none"), "padding included"),
    "cut at the end": (with_(cut="end"), "cut off at the end only"),
    "cut at the start": (with_(cut="start"), "cut off at the start only"),
    "no stride": (with_(s=1), "Where is the stride"),
    "channels first": (with_(order="cuv"), "channels last"),
    "taps swapped": (with_(order="vuc"), "within a patch are swapped"),
    "turned": (with_(order="turned"), "half a turn"),
    "patches down first": (with_(by="column"), "row after row"),
    "square maps": (lambda p, h, w, *settings: scattered(p, h, h, *settings), "raised"),
    "a batch": (lambda *arguments: scattered(*arguments)[None], "has the shape (1, 5, 7, 2)"),
    "doubled": (lambda *arguments: 2 * scattered(*arguments), "and should be"),
    "changes its input": (changing, "changed its input"),
    "nothing": (lambda *arguments: print(end=""), "returned None"),
}


@pytest.mark.parametrize("answer", [scattered, by_taps])
def test_fold(answer):
    answers.accepts(convolution.fold, answer)


@pytest.mark.parametrize("name", FOLD_WRONG)
def test_fold_wrong(name):
    answers.refuses(convolution.fold, *FOLD_WRONG[name])


# -- depthwise -------------------------------------------------------------------------------------


class Depthwise(Layer):
    """Loops over taps."""

    def __init__(self, weight, stride, pad):
        super().__init__()
        self.weight, self.stride, self.pad = Param("weight", weight), stride, pad

    def params(self):
        return [self.weight]

    def padded(self, x):
        return np.pad(x, ((0, 0), (self.pad, self.pad), (self.pad, self.pad), (0, 0)))

    def taps(self):
        return np.ndindex(self.weight.value.shape[:2])

    def under(self, a, u, v, shape):
        s = self.stride
        return a[:, u : u + (shape[1] - 1) * s + 1 : s, v : v + (shape[2] - 1) * s + 1 : s]

    def sizes(self, x):
        return [(size + 2 * self.pad - self.weight.value.shape[0]) // self.stride + 1 for size in x.shape[1:3]]

    def forward(self, x):
        y = np.zeros((len(x), *self.sizes(x), x.shape[3]), x.dtype)
        padded = self.padded(x)
        for u, v in self.taps():
            y += self.under(padded, u, v, y.shape) * self.weight.value[u, v]
        self.saved = x
        return y

    def backward(self, dy):
        x = self.unpack()
        padded, dw = self.padded(x), np.zeros_like(self.weight.value)
        spread = np.zeros_like(padded)
        for u, v in self.taps():
            dw[u, v] = (self.under(padded, u, v, dy.shape) * dy).sum(axis=(0, 1, 2))
            self.give(spread, u, v, dy)
        self.add(dw)
        return spread[:, self.pad : self.pad + x.shape[1], self.pad : self.pad + x.shape[2]]

    def give(self, spread, u, v, dy):
        part = self.under(spread, u, v, dy.shape)
        part += dy * self.weight.value[u, v]

    def add(self, dw):
        self.weight.add_grad(dw, self.ops)


class ByWindows(Depthwise):
    """Patches as a view."""

    def patches(self, a):
        k = self.weight.value.shape[0]
        return np.lib.stride_tricks.sliding_window_view(a, (k, k), axis=(1, 2))[:, :: self.stride, :: self.stride]

    def forward(self, x):
        self.saved = x
        return np.einsum("nijcuv,uvc->nijc", self.patches(self.padded(x)), self.weight.value)

    def backward(self, dy):
        x = self.unpack()
        self.add(np.einsum("nijcuv,nijc->uvc", self.patches(self.padded(x)), dy))
        spread, k = self.padded(np.zeros_like(x)), self.weight.value.shape[0]
        for i, j in np.ndindex(dy.shape[1:3]):
            top, left = i * self.stride, j * self.stride
            spread[:, top : top + k, left : left + k] += dy[:, i, j][:, None, None] * self.weight.value
        return spread[:, self.pad :, self.pad :][:, : x.shape[1], : x.shape[2]]


def changed(**methods):
    """A layer with other methods."""
    return type("Depthwise", (Depthwise,), methods)


def turned(self, x):
    kept, self.weight.value = self.weight.value, self.weight.value[::-1, ::-1]
    y = Depthwise.forward(self, x)
    self.weight.value = kept
    return y


def only_below(self, x):
    return np.pad(x, ((0, 0), (0, 2 * self.pad), (0, 2 * self.pad), (0, 0)))


def without_padding(self, x):
    return [(size - self.weight.value.shape[0]) // self.stride + 1 for size in x.shape[1:3]]


def by_height(self, x):
    return 2 * [Depthwise.sizes(self, x)[0]]


def summed(self, x):
    y = Depthwise.forward(self, x)
    return y.sum(axis=3, keepdims=True)


def mixed(self, x):
    y = ByWindows.patches(self, self.padded(x)).sum(axis=3)
    return np.einsum("nijuv,uvc->nijc", y, self.weight.value)


def overwriting(self, spread, u, v, dy):
    self.under(spread, u, v, dy.shape)[:] = dy * self.weight.value[u, v]


def turned_back(self, spread, u, v, dy):
    k = self.weight.value.shape[0]
    part = self.under(spread, u, v, dy.shape)
    part += dy * self.weight.value[k - 1 - u, k - 1 - v]


def shifted(self, dy):
    pad, x = self.pad, self.unpack()
    dx = np.pad(Depthwise.backward(self, dy), ((0, 0), (pad, 0), (pad, 0), (0, 0)))
    ring = np.zeros((len(x), x.shape[1] + 2 * pad, x.shape[2] + 2 * pad, x.shape[3]))
    for u, v in self.taps():
        self.give(ring, u, v, dy)
    return ring[:, : dx.shape[1] - pad, : dx.shape[2] - pad]


def last_image(self, dy):
    x = self.unpack()
    dx = Depthwise.backward(self, dy)
    self.weight.grad = None
    self.saved = x[-1:]
    Depthwise.backward(self, dy[-1:])
    return dx


def overwrites_grad(self, dw):
    self.weight.grad = dw


def averages(self, dw):
    self.weight.add_grad(dw / len(self.saved), self.ops)


def turned_dw(self, dw):
    self.weight.add_grad(dw[::-1, ::-1].copy(), self.ops)


def summed_dw(self, dw):
    self.weight.add_grad(np.repeat(dw.sum(axis=2, keepdims=True), dw.shape[2], axis=2), self.ops)


def changes_x(self, x):
    y = Depthwise.forward(self, x)
    x *= 2
    return y


class NoLayer:
    def __init__(self, weight, stride, pad):
        pass


DEPTHWISE_WRONG = {
    "turned": (changed(forward=turned), "layers correlate"),
    "padding below only": (changed(padded=only_below), "both sides"),
    "no padding in the size": (changed(sizes=without_padding), "2 * pad"),
    "size from the height": (changed(sizes=by_height), "W' from the width"),
    "channels added up": (changed(forward=summed), "the channels were added up"),
    "channels mixed": (changed(forward=mixed), "its own input channel"),
    "overlaps overwritten": (changed(give=overwriting), "Use +="),
    "turned back": (changed(give=turned_back), "once too often"),
    "shifted": (changed(backward=shifted), "shifted by the padding"),
    "last image": (changed(backward=last_image), "add over the batch"),
    "overwrites grad": (changed(add=overwrites_grad), "add up over several calls"),
    "averages": (changed(add=averages), "size of the batch"),
    "dw turned": (changed(add=turned_dw), "turned by half a turn"),
    "dw summed": (changed(add=summed_dw), "each has its own dw"),
    "forgets dw": (changed(add=lambda self, dw: None), "left no gradient in `weight`"),
    "no dx": (changed(backward=lambda self, dy: None), "Depthwise.backward(<2x3x5x3 float64>) returned None"),
    "changes its input": (changed(forward=changes_x), "changed its input"),
    "no layer": (NoLayer, "has no forward"),
    "an instance": (Depthwise(np.ones((1, 1, 1)), 1, 0), "raised TypeError"),
}


@pytest.mark.parametrize("answer", [Depthwise, ByWindows])
def test_depthwise(answer):
    answers.accepts(convolution.depthwise, answer)


@pytest.mark.parametrize("name", DEPTHWISE_WRONG)
def test_depthwise_wrong(name):
    answers.refuses(convolution.depthwise, *DEPTHWISE_WRONG[name])


def test_stubs():
    answers.not_written(convolution.fold)
    answers.not_written(convolution.depthwise)

    def not_yet(self, _):
        raise NotImplementedError

    for stub in (changed(forward=not_yet, backward=not_yet), changed(backward=not_yet)):
        verdict = convolution.depthwise.grade(stub)
        assert not verdict.written and not verdict.right
