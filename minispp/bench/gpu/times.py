"""Times on the device: of ours, of PyTorch's cuDNN, and of what the card does at most, all in one run.

The clock is the device's own: events before and after the work, in the stream that all of it runs in. Both sides work
on the same memory: our arrays are PyTorch's tensors, seen with channels last.
"""

from math import prod
from statistics import median

import numpy as np

from minispp.bench.case import random_windows
from minispp.bench.cases import convolutions
from minispp.windows import as_levels, nesting, pyramid, whole_maps

BATCH = 64
COPIED = 1 << 30  # bytes of the copy whose bandwidth is measured
CHAINS, LINKS = 8, 4096  # sums that a thread keeps, and additions to each, for the peak
AIMS = {"pooling": 0.7, "convolution": 0.6, "step": 0.5}


def seconds(work, rounds):
    """The median of `rounds` runs, after three that compile, choose and fill caches."""
    from numba import cuda

    for _ in range(3):
        work()
    taken = []
    for _ in range(rounds):
        before, after = cuda.event(), cuda.event()
        before.record()
        work()
        after.record()
        after.synchronize()
        taken.append(before.elapsed_time(after) / 1e3)
    return median(taken)


def rates(rounds):
    """What the card does at most: bytes a second, read and written, of a copy; float32 operations a second."""
    from numba import cuda

    a = cuda.device_array(COPIED // 4, np.float32)
    b = cuda.device_array(COPIED // 4, np.float32)
    copied = seconds(lambda: b.copy_to_device(a), rounds)
    device = cuda.get_current_device()
    blocks = 8 * device.MULTIPROCESSOR_COUNT
    out = cuda.device_array(blocks * 256, np.float32)
    peak = seconds(lambda: _chains()[blocks, 256](np.float32(0.5), out), rounds)
    return {"bytes": 2 * COPIED / copied, "operations": 2 * CHAINS * LINKS * out.size / peak}


def _chains():
    """A kernel in which each thread only multiplies and adds, in sums that do not wait for each other."""
    from numba import cuda, float32

    from minispp.kernels.gpu.compiler import kernel

    if not _compiled:

        @kernel
        def chains(factor, out):
            """A thread keeps `CHAINS` sums in registers, and multiplies and adds `LINKS` times to each.

            Moves 4 bytes a thread for ``2 * CHAINS * LINKS`` operations. Budget: 32 registers, 0 bytes shared.
            """
            sums = cuda.local.array(CHAINS, float32)
            for k in range(CHAINS):
                sums[k] = float32(k)
            for _ in range(LINKS):
                for k in range(CHAINS):
                    sums[k] = sums[k] * factor + factor
            total = float32(0)
            for k in range(CHAINS):
                total += sums[k]
            out[cuda.grid(1)] = total

        _compiled.append(chains)
    return _compiled[0]


_compiled = []


# ---------------------------------------------------------------------------------------------------
# Pooling, against the bandwidth of the copy


def pooling(bandwidth, rounds, maps=(1024, 13, 13, 256), picture=(1, 43, 64, 256), count=2000):
    """The pyramid on whole maps and on windows of one map, forward and backward.

    Bytes: each cell is read once, each maximum and its winner written once; and the other way round.
    """
    from minispp.kernels import gpu

    rng, levels, rows = np.random.default_rng(0), as_levels((6, 3, 2, 1)), []
    for shape, windows, name in (
        (maps, whole_maps(*maps[:3]), "whole maps"),
        (picture, random_windows(count, *picture[1:3], rng), f"{count} windows"),
    ):
        table = pyramid(windows, levels).reshape(len(windows), 50, 5)
        table.flags.writeable = table.base.flags.writeable = False  # so it goes to the device once
        plan, x = nesting(levels), gpu.asarray(rng.standard_normal(shape, np.float32))
        y, winners = gpu.window_max(x, table, plan)
        dy = gpu.asarray(rng.standard_normal(y.shape, np.float32))
        moved = 4 * (prod(shape) + 2 * prod(y.shape))
        for work, run in (
            ("forward", lambda x=x, table=table, plan=plan: gpu.window_max(x, table, plan)),
            ("backward", lambda dy=dy, w=winners, shape=shape: gpu.window_max_backward(dy, w, shape)),
        ):
            took = seconds(run, rounds)
            case = f"{name}, {'x'.join(map(str, shape))}, {work}"
            rows.append({"case": case, "seconds": took, "bytes": moved, "share": moved / took / bandwidth})
    return rows


# ---------------------------------------------------------------------------------------------------
# Convolutions and steps, against PyTorch


def convolution(rounds, peer, tell, nets=("zf5", "overfeat7"), batch=BATCH, side=224):
    """Forward, dx and dw of every convolution of the nets; the peer in both layouts, with TF32 off and on."""
    from minispp.kernels import gpu
    from minispp.kernels.gpu.convolution import input_gradient
    from minispp.kernels.gpu.memory import empty

    rows = []
    for name, layer, shape in convolutions(nets, (batch, side, side, 3)):
        rng = np.random.default_rng(1)
        x, geometry = gpu.asarray(rng.standard_normal(shape, np.float32)), (layer.stride, layer.pad)
        dy = gpu.asarray(rng.standard_normal(layer.output_shape(shape), np.float32))
        layer.to(gpu)
        w, b = layer.weight.value, layer.bias.value
        dx, first = empty(shape, np.float32), shape[3] == 3
        ours = {
            "forward": lambda x=x, w=w, b=b, geometry=geometry: gpu.conv2d(x, w, b, *geometry),
            "dx": lambda dy=dy, w=w, dx=dx, geometry=geometry: (input_gradient(dy, w, *geometry, dx), dx)[1],
            "dw": lambda dy=dy, x=x, w=w, geometry=geometry: gpu.conv2d_backward(dy, x, w, *geometry, False)[1],
        }
        products = 2 * prod(dy.shape) * prod(tuple(w.shape)[:3])
        theirs = peer.convolution(x, w, b, dy, *geometry) if peer else {}
        for work in ("forward", "dw") if first else ("forward", "dx", "dw"):
            row = {"case": f"{name} {work}", "operations": products, "ours": seconds(ours[work], rounds)}
            if peer:
                row["error"] = peer.distance(ours[work](), theirs[work])
                row |= peer.timed(theirs[work], lambda run: seconds(run, rounds))
            rows.append(row)
            tell(row)
    return rows


def step(rounds, peer, net="zf5", batch=BATCH, side=224, classes=1000):
    """A training step of a net, the pictures on the device already, the optimiser's part included."""
    from minispp.bench.case import Case
    from minispp.bench.ours import StepJob
    from minispp.kernels import gpu

    case = Case("", "", "step", (net, {"classes": classes}), (batch, side, side, 3))
    job = StepJob(case, gpu, np.float32)
    job.draw(0)
    row = {"case": f"{net}, batch {batch} at {side}", "ours": seconds(job.run, rounds)}
    if peer:
        del job  # PyTorch needs the room too
        row |= peer.timed(peer.step(case), lambda run: seconds(run, rounds))
    return [row]
