"""Whatever an answer is or returns, the verdict is a hint and never an error."""

import importlib
import pkgutil

import numpy as np
import pytest

import minispp.exercises
from minispp.exercises import convolution, fixed_sizes, simple_layers
from minispp.exercises.grading import Exercise, Wrong, require_equal
from minispp.layers import Layer, Param

STRANGE = {
    "a word": "abc",
    "a list": [1, 2],
    "a ragged list": [[1], [2, 3]],
    "a pair of arrays": (np.zeros(3), np.zeros(2)),
    "a dict": {},
    "an object": object(),
    "NaN": np.nan,
    "infinity": np.inf,
    "a complex number": 1j,
    "a truth value": True,
    "no rows": np.zeros((0, 3)),
    "words": np.array(["a", "b"]),
    "one number in an array": np.array([3]),
}
FUNCTIONS = [fixed_sizes.unseen_cells, fixed_sizes.smallest_picture, convolution.fold]
LAYERS = [convolution.depthwise, simple_layers.leaky_relu, simple_layers.average_pool, simple_layers.smooth_loss]


MODULES = [module.name for module in pkgutil.iter_modules(minispp.exercises.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_no_answer_breaks_a_grader(module):
    for exercise in vars(importlib.import_module(f"minispp.exercises.{module}")).values():
        if isinstance(exercise, Exercise):
            for strange in STRANGE.values():
                assert not exercise.grade(strange).right
                assert_hint(exercise.grade(lambda *arguments, strange=strange, **named: strange))


def layer_of(forward, backward):
    class Answer(Layer):
        def __init__(self, *settings):
            super().__init__()
            self.settings_given, self.weight = settings, Param("weight", np.asarray(settings[0]))

        def forward(self, *arguments):
            return forward(*arguments)

        def backward(self, *arguments):
            return backward(*arguments)

    return Answer


def assert_hint(verdict):
    assert not verdict.right and verdict.written and len(verdict.text) > 20


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda exercise: exercise.__name__)
def test_functions_that_return_anything(exercise, name):
    assert_hint(exercise.grade(lambda *arguments: STRANGE[name]))


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("exercise", LAYERS, ids=lambda exercise: exercise.__name__)
def test_layers_that_return_anything(exercise, name):
    assert_hint(exercise.grade(STRANGE[name]))
    assert_hint(exercise.grade(layer_of(lambda *arguments: STRANGE[name], lambda *arguments: STRANGE[name])))


def loss(z, labels):
    log_p = z - np.logaddexp.reduce(z, axis=1)[:, None]
    return -(0.9 * log_p[np.arange(len(z)), labels] + 0.1 * log_p.mean(axis=1)).mean()


# Right for the first input that the grader tries, so that what backward returns is looked at.
FORWARDS = [
    (simple_layers.leaky_relu, lambda x: np.where(x > 0, x, 0.1 * x), "dx"),
    (simple_layers.average_pool, lambda x: x.reshape(2, 2, 2, 3, 2, 3).mean(axis=(2, 4)), "dx"),
    (simple_layers.smooth_loss, loss, "dz"),
]


@pytest.mark.parametrize("name", STRANGE)
def test_backward_that_returns_anything(name):
    for exercise, forward, _ in FORWARDS:
        assert_hint(exercise.grade(layer_of(forward, lambda *arguments: STRANGE[name])))


def test_backward_was_reached():
    for exercise, forward, result in FORWARDS:
        verdict = exercise.grade(layer_of(forward, lambda *arguments: "abc"))
        assert f"{result} is a str, and should be an array of numbers" in verdict.text


def test_numbers_that_differ_late_are_not_shown_alike():
    with pytest.raises(Wrong, match=r"is 4\.000000\d*[1-9]\d*, and should be 4\."):
        require_equal("y", 4.0000001, 4.0)
