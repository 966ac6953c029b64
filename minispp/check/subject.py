"""The layer under test as a function of named arrays: its input "x" and its parameters."""

import inspect

import numpy as np


class Subject:
    """A context in which a layer's values may be moved at will; on leaving it they are put back, bit for bit.

    Parameters
    ----------
    layer : object
        Has ``forward(x, *args)`` and ``backward(dy)``; perhaps ``params()``, a list of objects with
        ``value``, ``grad`` (None or an array) and perhaps ``name``.
    x : array
        Becomes float64.
    args : tuple
        Passed on to ``forward`` after x.
    before : callable or None
        Called before every forward, to reset state such as a dropout counter.

    Attributes
    ----------
    values : dict
        Name -> float64 array, the point at which f is looked at; "x" first. Change it with ``place``.
    """

    def __init__(self, layer, x, args=(), before=None):
        for method in ("forward", "backward"):
            if not callable(getattr(layer, method, None)):
                raise ValueError(f"expected an object with forward(x) and backward(dy), got {layer!r} without {method}")
        x = np.asarray(x)
        if x.dtype.kind not in "fiu":
            raise ValueError(f"expected an x of real numbers, got dtype {x.dtype}")
        x = np.array(x, np.float64, order="C")
        if not np.isfinite(x).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
            raise ValueError(f"expected a finite x, got {x[where]} at {list(where)}: f has no derivative there")
        self.layer, self.args, self.before, self.forwards = layer, args, before, 0
        self.values, self.params, self._kept = {"x": x}, {}, []

    def __enter__(self):
        try:
            self._take_params()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _take_params(self):
        listed = list({id(p): p for p in self._listed()}.values())  # a shared Param counts once
        names = [str(getattr(p, "name", "") or f"params()[{i}]") for i, p in enumerate(listed)]
        for i, (name, param) in enumerate(zip(names, listed, strict=True)):
            if name == "x" or names.count(name) > 1:
                name = f"{name} (params()[{i}])"
            value, grad = param.value, getattr(param, "grad", None)
            self._kept.append((param, value, np.array(value), grad, None if grad is None else np.array(grad)))
            if not (isinstance(value, np.ndarray) and value.dtype == np.float64 and value.flags.writeable):
                param.value = np.array(value, np.float64)
                if grad is not None:
                    param.grad = np.zeros(np.shape(value))
            self.params[name], self.values[name] = param, np.array(param.value)
        self.clear()
        for name, kept, now in zip(self.params, listed, self._listed(), strict=False):
            if now.value is not kept.value and not np.shares_memory(now.value, kept.value):
                raise ValueError(
                    f"parameter {name} could not be made float64 for the check: params() does not give the same object "
                    f"twice. Make the layer in float64, or keep its Param objects"
                )
            if getattr(now, "grad", None) is not None and np.any(now.grad):
                raise ValueError(f"the gradient of {name} cannot be cleared: params() must give the same object twice")

    def _listed(self):
        listed = list(self.layer.params()) if callable(getattr(self.layer, "params", None)) else []
        for i, param in enumerate(listed):
            if not hasattr(param, "value"):
                raise ValueError(f"expected params() to list objects with value and grad, got {param!r} at {i}")
        return listed

    def __exit__(self, *error):
        for param, value, bits, grad, grad_bits in self._kept:
            for array, kept in ((value, bits), (grad, grad_bits)):
                if isinstance(array, np.ndarray) and array.flags.writeable:
                    array[...] = kept
            if param.value is not value:
                param.value = value
            if getattr(param, "grad", None) is not grad:
                param.grad = grad
        self._kept = []

    def place(self, values):
        """Move to another point: name -> array. Names left out stay."""
        self.values.update({name: np.array(value, np.float64) for name, value in values.items()})
        for name, param in self.params.items():
            param.value[...] = self.values[name]

    def call(self, x=None):
        """f(x) as forward returned it."""
        if self.before is not None:
            self.before()
        self.forwards += 1
        return self.layer.forward(self.values["x"].copy() if x is None else x, *self.args)

    def output(self, name="x", move=0.0):
        """Flat float64 copy of f with the array `name` moved by `move`."""
        if name == "x":
            y = self.call(np.asarray(self.values["x"] + move))
        else:
            self.params[name].value[...] = self.values[name] + move
            try:
                y = self.call()
            finally:
                self.params[name].value[...] = self.values[name]
        return np.array(y, np.float64).ravel()

    def clear(self):
        """Set every gradient to what it was before any backward: None, or zeros in the layer's own array."""
        for param, (_, _, _, grad, _) in zip(self.params.values(), self._kept, strict=True):
            if grad is not None and param.grad is not None:
                param.grad[...] = 0
            elif getattr(param, "grad", None) is not None:
                param.grad = None

    def backward(self, dy):
        """``layer.backward(dy)``; without dy for a loss, and with need_dx where a net asks for it."""
        try:
            takes = inspect.signature(self.layer.backward).parameters
        except ValueError:  # a compiled method does not tell
            takes = {"dy": None}
        if not takes:
            return self.layer.backward()
        return self.layer.backward(dy, need_dx=True) if "need_dx" in takes else self.layer.backward(dy)

    def takes_no_dy(self):
        """True for a loss: ``backward()``."""
        try:
            return not inspect.signature(self.layer.backward).parameters
        except ValueError:
            return False

    def gradients(self, dy, clear=True):
        """One forward and one backward at the point: name -> gradient, None where backward left none."""
        if clear:
            self.clear()
        self.call()
        dx = self.backward(dy.copy())
        grads = {name: param.grad for name, param in self.params.items()}
        return {name: None if g is None else np.array(g) for name, g in {"x": dx, **grads}.items()}
