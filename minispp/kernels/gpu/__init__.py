"""The contract in numba.cuda, for NVIDIA GPUs: float32 to work, float64 to check.

Importing it needs numba-cuda and no driver; a kernel is compiled when it is first launched, and the device is looked
for when a first array goes there. Arrays live on the device: what layers hand from one to the next never leaves it. In
a training step the batch and its labels go in, and two numbers come out, the loss and the gradient's norm; tables of
windows go in once. Whatever has ``__cuda_array_interface__`` (CuPy, PyTorch) goes in as it is, and our arrays go out
the same way.

Every result has the same bits every time, on every device: nothing is added by atomics, sums are cut by the shape of
the problem, and what is cut is added in order.

To be read in this order: `elementwise`, `pooling`, `normalisation`, `convolution` (first its naive kernels), `tiles`,
`products`, `vectors`; and `arrays`, `memory`, `compiler`, `trees` for what they stand on. Each kernel stands below its
launcher, and its docstring says what one thread does, what is in shared memory, the bytes and operations it moves, and
the budget of registers and shared memory that a test holds the compiler to.

Without a GPU there are three ways to test, each of which sees what another cannot:

=============================================  =========  ========  =========
what goes wrong                                simulator  compiler  emulation
=============================================  =========  ========  =========
wrong values, all kinds                        yes        no        yes
an index beyond an array                       yes        no        yes
a negative index                               no: wraps  no        yes
a barrier that is missing                      by chance  no        yes
shared memory that nobody has written          by chance  no        yes
a race in shared memory                        by chance  no        yes
a race in global memory, between blocks        no         no        no
a launch of no blocks, or of too many threads  no         no        yes
a method that arrays of a device do not have   no         no        yes
more shared memory or registers than there is  no         yes       no
float64 where float32 was meant                no         yes       no
an array of the host given to a kernel         a copy     no        yes
rounding and speed of the device itself        no         no        no
=============================================  =========  ========  =========

The *simulator* (NUMBA_ENABLE_CUDASIM=1) runs kernels in Python, a thread for each thread, so sizes are tiny. It differs
from a device in more than what it misses: integers warn where they wrap around, and floats where they overflow; it
takes no compiler options and no alignment; shapes have no negative index; shared arrays are told apart by the line
that makes them, and two threads that come first at once may make two. The *compiler* check assembles every kernel for
two generations. The *emulation* runs what was compiled on the CPU, with ``ptxrun``, on numba-cuda's own arrays. See
tests/kernels/gpu.
"""

from minispp.kernels.gpu.arrays import asarray, to_numpy
from minispp.kernels.gpu.convolution import conv2d, conv2d_backward
from minispp.kernels.gpu.elementwise import add, dropout, relu, relu_backward, sgd, square_sum
from minispp.kernels.gpu.normalisation import lrn, lrn_backward
from minispp.kernels.gpu.pooling import window_max, window_max_backward
from minispp.kernels.gpu.vectors import linear, linear_backward, softmax_loss, softmax_loss_backward

__all__ = [
    "add",
    "asarray",
    "conv2d",
    "conv2d_backward",
    "dropout",
    "linear",
    "linear_backward",
    "lrn",
    "lrn_backward",
    "relu",
    "relu_backward",
    "sgd",
    "softmax_loss",
    "softmax_loss_backward",
    "square_sum",
    "to_numpy",
    "window_max",
    "window_max_backward",
]
