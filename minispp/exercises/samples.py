"""Kernels to watch on `device`, written as for numba.cuda. What `cuda` is, the launch says.

`smooth` and `smooth_tiled` are one convolution of one channel, the second through shared memory. `reverse` turns the
values of each block round, `reverse_in_place` tries to without a barrier. `send_back` and `gather_back` are two ways
back from windows to cells, of which only the second is free of races.
"""

import numpy as np

cuda = None  # `device.launch` puts a device here
BLOCK = 4  # rows and columns of a block of the tiled kernel
HALO = BLOCK + 2  # and of the cells that its 3 x 3 windows see
MOST = 64  # threads of a block that turns its values round


def smooth(x, w, y):
    """Each thread makes one output, and reads the nine cells under it."""
    j, i = cuda.grid(2)
    if i < y.shape[0] and j < y.shape[1]:
        total = 0.0
        for u in range(3):
            for v in range(3):
                total += x[i + u, j + v] * w[u, v]
        y[i, j] = total


def smooth_tiled(x, w, y):
    """The threads of a block first bring all cells that they will need, each once; then they read from there."""
    tile = cuda.shared.array((HALO, HALO), np.float32)
    ty, tx = cuda.threadIdx.y, cuda.threadIdx.x
    top, left = cuda.blockIdx.y * BLOCK, cuda.blockIdx.x * BLOCK
    for k in range(ty * BLOCK + tx, HALO * HALO, BLOCK * BLOCK):
        row, column = k // HALO, k % HALO
        if top + row < x.shape[0] and left + column < x.shape[1]:
            tile[row, column] = x[top + row, left + column]
    cuda.syncthreads()
    if top + ty < y.shape[0] and left + tx < y.shape[1]:
        total = 0.0
        for u in range(3):
            for v in range(3):
                total += tile[ty + u, tx + v] * w[u, v]
        y[top + ty, left + tx] = total


def reverse(x, y):
    """Each block turns its values round, through shared memory."""
    held, t, size = cuda.shared.array(MOST, np.float32), cuda.threadIdx.x, cuda.blockDim.x
    held[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    y[cuda.grid(1)] = held[size - 1 - t]


def reverse_in_place(x):
    """Without a second array and without a barrier: half of the threads read what the others have written."""
    t, size = cuda.threadIdx.x, cuda.blockDim.x
    first = cuda.blockIdx.x * size
    x[first + t] = x[first + size - 1 - t]


def send_back(dy, winners, dx):
    """Each window adds its gradient to the cell that won it: a race wherever windows share a winner."""
    r = cuda.grid(1)
    if r < dy.size:
        dx[winners[r]] += dy[r]


def gather_back(dy, winners, dx):
    """Each cell gathers the gradients of the windows that it won, in the order of the table."""
    cell = cuda.grid(1)
    if cell < dx.size:
        total = 0.0
        for r in range(dy.size):
            if winners[r] == cell:
                total += dy[r]
        dx[cell] = total
