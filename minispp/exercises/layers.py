"""What graders of layers share: a layer is made, run forwards and backwards, and at the end put to the checker."""

from minispp.check import check_layer
from minispp.exercises.grading import Wrong, call, require_numbers, shown

# What a finding of the checker means to somebody who has just written the layer.
HINTS = {
    "modified": "It was written into. Work on a copy: the layer before still needs it.",
    "random": "forward must give the same output for the same input, whatever was computed before.",
    "accumulate": "Gradients of parameters add up over several calls of backward, until the optimiser clears them: "
    "use `add_grad`. dx does not.",
    "layout": "The result depends on how the array lies in memory. Index it, or take a copy; do not rely on its order.",
    "dtype": "Keep the float type of the input: float64 in, float64 out.",
    "missing": "Is there a `return` at the end of backward, and an `add_grad` for each parameter?",
    "ties": "Of equal cells exactly one may receive the gradient.",
}


def make(answer, *settings):
    """The reader's layer, made with these settings.

    Raises
    ------
    Wrong
        If it cannot be made, or is no layer.

    Examples
    --------
    >>> from minispp.layers import MaxPool
    >>> make(MaxPool, 3, 2)
    MaxPool(kernel=3, stride=2, pad=0, ceil_mode=True)
    """
    layer = call(answer, *settings)
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            name = getattr(answer, "__name__", type(answer).__name__)
            raise Wrong(f"{name} has no {method}. Pass the class itself: a layer with forward(x) and backward(dy).")
    return layer


def run(layer, method, *arguments):
    """The result of a method, named after the layer in hints; see `grading.call`.

    Examples
    --------
    >>> import numpy as np
    >>> from minispp.layers import ReLU
    >>> run(ReLU(), "forward", np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return call(_Named(layer, method), *arguments)


class _Named:
    """A method that is called by the name of its layer."""

    def __init__(self, layer, method):
        self.method, self.__name__ = getattr(layer, method), f"{type(layer).__name__}.{method}"

    def __call__(self, *arguments):
        return self.method(*arguments)


def require_gradient(layer, name, dy):
    """The gradient that backward left in the parameter of this name.

    Raises
    ------
    Wrong
        If there is none.
    """
    grad = getattr(getattr(layer, name, None), "grad", None)
    if grad is None:
        said = shown(_Named(layer, "backward"), (dy,))
        raise Wrong(f"{said} left no gradient in `{name}`. Add it with `self.{name}.add_grad(..., self.ops)`.")
    return require_numbers(f"the gradient of `{name}`", grad)


def require_derivative(layer, x, *arguments):
    """Put a layer to `minispp.check`, which sees what single comparisons do not.

    Raises
    ------
    Wrong
        With the first finding, and what it means.

    Examples
    --------
    >>> import numpy as np
    >>> from minispp.layers import ReLU
    >>> require_derivative(ReLU(), np.array([-1.0, 2.0, 0.5]))
    """
    try:
        report = check_layer(layer, x, *arguments)
    except Exception as error:  # the reader's code may raise anything, here for an x that the checker chose
        raise Wrong(f"The checker could not run the layer: {type(error).__name__}: {error}") from error
    if not report.ok:
        finding = report.errors[0]
        meaning = HINTS.get(finding.kind, "backward is not the derivative of forward.")
        raise Wrong(f"minispp.check found [{finding.kind}] in {finding}. {meaning}")
