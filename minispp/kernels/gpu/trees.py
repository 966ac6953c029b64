"""What the threads of a block hold, brought together in a tree: in shared memory, in a fixed order."""

from numba import cuda

from minispp.kernels.gpu.compiler import inlined


@inlined
def sum_of(held):
    """The sum of `held`, one value for each thread of the block, a power of two of them; all threads must call.

    In each round the lower half of the threads adds what the upper half holds, so ten rounds serve 1024.
    """
    thread, width = cuda.threadIdx.x, cuda.blockDim.x // 2
    cuda.syncthreads()
    while width:
        if thread < width:
            held[thread] += held[thread + width]
        cuda.syncthreads()
        width //= 2
    return held[0]


@inlined
def largest_of(held):
    """The largest of `held`, likewise; whether a NaN is seen depends on where it is."""
    thread, width = cuda.threadIdx.x, cuda.blockDim.x // 2
    cuda.syncthreads()
    while width:
        if thread < width:
            held[thread] = max(held[thread], held[thread + width])
        cuda.syncthreads()
        width //= 2
    return held[0]
