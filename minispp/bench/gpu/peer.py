"""PyTorch's side on the device, eager, on cuDNN and cuBLAS. Needs PyTorch with CUDA.

Layouts: PyTorch's usual one, (N, C, H, W), and channels last, which is ours. cuDNN tries its algorithms out first.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from minispp.bench.ours import DECAY, MOMENTUM, RATE
from minispp.bench.twin import Twin

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def available():
    """Whether PyTorch sees a device."""
    return torch.cuda.is_available()


def versions():
    """Of PyTorch and cuDNN."""
    return {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}


def timed(runs, seconds):
    """Seconds by layout and precision: TF32 off and on."""
    found = {}
    torch.backends.cudnn.benchmark = True
    for tf32 in (False, True):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        for layout, run in runs.items():
            found[f"torch, {layout}{', TF32' if tf32 else ''}"] = seconds(run)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return found


def convolution(x, w, b, dy, stride, pad):
    """The same work on the same numbers: ``found["forward"]["channels last"]`` is a function, and so on."""
    found = {"forward": {}, "dx": {}, "dw": {}}
    x, w, b, dy = (torch.as_tensor(a, device="cuda") for a in (x, w, b, dy))  # the same memory
    for name, layout in LAYOUTS.items():
        maps, outputs = (a.permute(0, 3, 1, 2).contiguous(memory_format=layout) for a in (x, dy))
        filters = w.permute(3, 2, 0, 1).contiguous(memory_format=layout)

        def backward(wanted, maps=maps, outputs=outputs, filters=filters):
            both = [stride, stride], [pad, pad], [1, 1], False, [0, 0], 1
            return torch.ops.aten.convolution_backward(outputs, maps, filters, [len(b)], *both, wanted)

        found["forward"][name] = lambda maps=maps, filters=filters: F.conv2d(maps, filters, b, stride, pad)
        found["dx"][name] = lambda backward=backward: backward([True, False, False])[0]
        found["dw"][name] = lambda backward=backward: backward([False, True, True])[1]
    return found


def distance(ours, runs):
    """The largest difference from PyTorch with TF32 off, over the largest value."""
    torch.backends.cudnn.allow_tf32 = False
    right = runs["channels first"]()
    ours = torch.as_tensor(ours, device="cuda")
    # dw is (kh, kw, C, D), of (D, C, kh, kw); maps are (N, H, W, C), of (N, C, H, W).
    order = (2, 3, 1, 0) if right.shape[0] == ours.shape[3] and right.shape[1] == ours.shape[2] else (0, 2, 3, 1)
    right = right.permute(*order)
    return float((ours - right).abs().max() / right.abs().max())


def step(case):
    """A training step by layout."""
    arrays = case.inputs(0)
    return {name: _step(case, arrays, layout) for name, layout in LAYOUTS.items()}


def _step(case, arrays, layout):
    twin = Twin(case.subject(), layout)
    twin.params = {name: t.detach().cuda().requires_grad_() for name, t in twin.params.items()}
    twin.training = True
    optimiser = twin.sgd(RATE, MOMENTUM, DECAY, fused=True)
    x = torch.from_numpy(arrays["x"]).cuda().permute(0, 3, 1, 2).contiguous(memory_format=layout)
    labels = torch.from_numpy(arrays["labels"].astype(np.int64)).cuda()

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(twin.forward(x), labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    return run
