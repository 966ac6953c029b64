"""Every kernel that a launcher launches, compiled for two generations of devices: within the budget that it states.

A spilled register is a trip to memory; a float64 instruction runs at half the rate, or at a 64th; more registers or
shared memory than planned leave fewer blocks on a multiprocessor. None of this fails a test of values.
"""

import re
import subprocess
import sysconfig
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import simulated

pytest.importorskip("numba_cuda", reason="compiling for devices needs numba-cuda")
if simulated.CHOSEN:
    pytest.skip("the simulator has no compiler", allow_module_level=True)

from emulation import NO_COMPILER, Foreign, Recorder, emulated

if NO_COMPILER:
    pytest.skip(NO_COMPILER, allow_module_level=True)

from numba import cuda
from numba.cuda.dispatcher import _Kernel

from minispp import kernels
from minispp.bench.gpu import checks, times
from minispp.kernels.gpu import arrays, products, tiles

PTXAS = Path(sysconfig.get_path("purelib"), "nvidia", "cu13", "bin", "ptxas")
READY = arrays.ready  # which `emulated` replaces
FIGURES = ("Used ", "registers"), ("", "bytes smem")
FLOAT64 = {"_square_sums", "_totals"}  # whose sums are to be in float64


@cache
def launched():
    """Name -> (kernel, signature): all of them, and those of tiles in every shape."""
    with emulated(Recorder()) as recorder:
        checks.check("small")
        launch_the_others()
    found = {}
    for kernel, signature in recorder.launches:
        tile = next((tile for tile in tiles.TILES if kernel in (products.correlate(tile), products.weigh(tile))), None)
        shape = "" if tile is None else f" {tile.rows}x{tile.columns}"
        types = len([name for name in found if name.partition(" ")[0] == kernel.__name__ and not shape])
        found[f"{kernel.__name__}{shape}{f' {types + 1}' if types else ''}"] = kernel, signature, tile
    return found


def launch_the_others():
    """What the checks leave out: float64, other layouts, an empty batch, the first look at a device, the peak."""
    gpu = kernels.gpu
    x, w, dy = (gpu.asarray(np.ones(size)) for size in ((1, 4, 4, 2), (3, 3, 2, 3), (1, 2, 2, 3)))
    gpu.conv2d(x, w, gpu.asarray(np.ones(3)), 1, 0)
    gpu.conv2d_backward(dy, x, w, 1, 0)
    gpu.asarray(Foreign(np.ones((2, 3), np.float32).T), np.float64)
    gpu.linear_backward(*(gpu.asarray(np.ones(size, np.float32)) for size in ((0, 2), (0, 3), (3, 2))))
    times._chains()[1, 256](np.float32(0.5), gpu.asarray(np.ones(256, np.float32)))
    with pytest.raises(RuntimeError, match="a first kernel ran, and did nothing"):
        READY.__wrapped__()


def of_module(module):
    return [value for value in vars(module).values() if hasattr(value, "py_func") and not value.targetoptions["device"]]


def test_none_is_left_out():
    from minispp.kernels.gpu import convolution, elementwise, normalisation, pooling, vectors

    seen = {kernel for kernel, *_ in launched().values()}
    assert times._chains() in seen
    for module in (arrays, convolution, elementwise, normalisation, pooling, tiles, vectors):
        missing = {kernel.__name__ for kernel in of_module(module)} - {kernel.__name__ for kernel in seen}
        assert of_module(module) and not missing, missing
    for tile in tiles.TILES:
        assert products.correlate(tile) in seen, tile
        assert products.weigh(tile) in seen or tile.count % tile.rows, tile


@pytest.mark.parametrize("tile", tiles.TILES, ids=lambda tile: f"{tile.rows}x{tile.columns}")
def test_tiles_fit_their_threads(tile):
    """What the kernels divide, divides; and the blocks that are promised fit on a multiprocessor."""
    assert tile.rows % (tile.high * tile.at_once) == 0 or tile.high % tile.at_once == 0
    assert tile.high % tile.at_once == tile.wide % tile.at_once == tile.slice % 2 == 0
    assert tile.count % tile.slice == tile.count % tile.columns == 0 and tile.count % 32 == 0
    assert tile.rows * tile.slice % tile.count == tile.columns * tile.slice % tile.count == 0
    assert tile.blocks * tile.count * tile.registers <= 65536
    assert tile.blocks * tile.shared <= 164 * 1024 and tile.shared <= 48 * 1024


def budget(kernel, tile):
    """Registers and bytes of shared memory, from the docstring, or from the tile that it names."""
    if tile is None:
        found = re.search(r"Budget:\s+(\d+)\s+registers,\s+(\d+)\s+bytes\s+shared", kernel.py_func.__doc__)
        assert found, f"{kernel.__name__} states no budget"
        return int(found[1]), int(found[2])
    assert "Budget: that of `Tile`" in kernel.py_func.__doc__
    return tile.registers, tile.shared + (20 * tile.rows if kernel is products.correlate(tile) else 0)


def assembled(kernel, signature, target, folder):
    """What ptxas says of a kernel, and its PTX: made as for a launch, with all of the kernel's options."""
    with emulated(Recorder(), target):
        ptx = _Kernel(kernel.py_func, signature.args, **kernel.targetoptions).library.get_asm_str()
    (folder / "kernel.ptx").write_text(ptx)
    architecture = re.search(r"\.target (sm_\d+a?)", ptx)[1]  # sm_90a: what only this generation has
    command = [PTXAS, "-v", f"-arch={architecture}", folder / "kernel.ptx", "-o", folder / "kernel.cubin"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr, ptx


@pytest.mark.parametrize("target", [(9, 0), (8, 0)], ids=["9.0", "8.0"])
@pytest.mark.parametrize("name", sorted(launched()))
def test_within_its_budget(name, target, tmp_path):
    kernel, signature, tile = launched()[name]
    said, ptx = assembled(kernel, signature, target, tmp_path)
    registers, shared = budget(kernel, tile)
    used, memory = (int("".join(re.findall(rf"{before}(\d+) {after}", said)) or 0) for before, after in FIGURES)
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in said, said
    assert not kernel.targetoptions["lto"], "it would be compiled again where it is linked"
    assert used <= registers <= used + 24, f"{used} registers, {registers} are stated"
    assert memory == shared, f"{memory} bytes of shared memory, {shared} are stated"
    assert (".f64" in ptx) == (kernel.__name__ in FLOAT64 or "float64" in str(signature))
    if tile is not None:
        assert "ld.shared.v4.f32" in ptx or tile.at_once != 4, "values are read one by one"


def test_a_bare_number_would_be_seen(tmp_path):
    """``0.3`` is a float64, and makes its neighbours float64 too. (The compiler sees that 0.5 need not.)"""
    from numba import float32, void

    @cuda.jit
    def part(x):
        x[0] = x[0] * 0.3

    _, ptx = assembled(part, void(float32[::1]), (9, 0), tmp_path)
    assert ".f64" in ptx


def test_a_spill_would_be_seen(tmp_path):
    """An array that is indexed by a number known only when it runs cannot be in registers."""
    from numba import float32, int64, void

    @cuda.jit
    def pick(x, k):
        values = cuda.local.array(64, float32)
        for i in range(64):
            values[i] = x[i] * x[63 - i]
        for i in range(64):
            x[i] = values[(i * k) % 64]

    said, _ = assembled(pick, void(float32[::1], int64), (9, 0), tmp_path)
    assert "0 bytes stack frame" not in said
