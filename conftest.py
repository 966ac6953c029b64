"""Doctests of modules that need a peer are left out where it is not installed."""

from importlib.util import find_spec

NEEDS = {
    "minispp/bench/twin.py": "torch",
    "minispp/bench/peer_torch.py": "torch",
    "minispp/bench/peer_onnx.py": "onnxruntime",
    "minispp/bench/gpu/peer.py": "torch",
    "minispp/kernels/gpu": "numba_cuda",
    "tests/gpu_bugs.py": "numba_cuda",
    "docs_build/docstrings.py": "griffe",
    "docs_build/hooks.py": "mkdocs",
    "docs_build/mathml.py": "latex2mathml",
    "docs_build/notebook_pages.py": "nbconvert",
}
collect_ignore = [path for path, framework in NEEDS.items() if not find_spec(framework)]
