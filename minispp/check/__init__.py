"""Is this backward the derivative of this forward? For our layers, for a whole net, and for a reader's own.

``check_layer(layer, x)`` asks four kinds of question, and answers with a ``Report``:

* *the contract*: same answer twice, nothing modified, shapes and dtypes kept, gradients added up, any memory
  layout;
* *the adjoint identity* ``<dy, f(x + v) - f(x)> = <dx, v>``, exact to rounding, with no step size, wherever f
  is linear along v: convolution and ``linear`` in x, in w and in b; and, by Euler's theorem, ReLU and max
  pooling along v = x, even where they have kinks and ties;
* *central differences* in float64 along random directions, or at every index, with a non-uniform upstream dy;
* *ties*: the same at a copy of x full of equal values, along directions that keep equal entries equal. There
  a maximum is smooth, so a tie that is counted twice cannot hide behind its kink.

``check_spec("module:Layer")`` is the same from the command line.

What it cannot see: a wrong forward. A derivative proves nothing about the function; that needs an oracle of
its own.
"""

from minispp.check.gradients import check_layer
from minispp.check.report import Finding, Report
from minispp.check.spec import check_spec, make_layer

__all__ = ["Finding", "Report", "check_layer", "check_spec", "make_layer"]
