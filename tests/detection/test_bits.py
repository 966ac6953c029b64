"""The same bits whatever the number of threads, of Numba's and of SciPy's BLAS."""

import numba
import numpy as np
import pytest
from detection.naive_hard_negatives import Drawn

from minispp.detection.hard_negatives import fit_detectors
from minispp.detection.regress import BoxRegressor
from minispp.detection.svm import fit_svm, objective, scores
from minispp.kernels.cpu.blas import blas_threads


def everything():
    """Every number that training makes; large enough for BLAS to share the work out if it may."""
    rng = np.random.default_rng(5)
    features, labels = rng.normal(size=(700, 300)).astype(np.float32), rng.random(700) < 0.1
    svm = fit_svm(features, labels, C=0.01)
    yield from svm[:3]
    yield objective(features, labels, svm.weights, svm.intercept)
    yield scores(features, rng.normal(size=(300, 3)), np.zeros(3))
    boxes = np.tile([[0, 0, 30, 40]], (700, 1))
    for count in (250, 700):  # fewer and more windows than features
        regressor = BoxRegressor.fit(features[:count], boxes[:count], boxes[:count] + rng.uniform(-5, 5, (count, 4)))
        yield from regressor[:2]
        yield regressor.predict(features, boxes)
    detectors = fit_detectors(Drawn(4, seed=1), ["a", "b", "c"], C=0.01, progress=False)
    yield from detectors[:3]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(threads):
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip(f"Numba has {numba.config.NUMBA_NUM_THREADS} thread here")
    expected = [np.array(values) for values in everything()]
    before, (get, set_to) = numba.get_num_threads(), blas_threads()
    blas_before = get()
    try:
        numba.set_num_threads(threads)
        set_to(threads)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(everything(), expected, strict=True))
    finally:
        numba.set_num_threads(before)
        set_to(blas_before)
