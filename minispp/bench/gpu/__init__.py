"""`kernels.gpu` on a device: ``minispp bench --gpu``, or ``python3 -m minispp.bench.gpu`` for the checks alone.

First every function is checked against the reference (`calls`, `checks`); then the race and memory checkers run where
they are installed (`sanitize`); then times are taken beside PyTorch's cuDNN, and beside what the card does at most
(`times`, `peer`). `command` is all of this, from start to end, and `report` the page that it writes.

It runs where there are Python, NumPy, Numba, numba-cuda and PyTorch and nothing else, and, tiny and without times,
in the simulator.
"""
