"""Spatial pyramid pooling: the layer the paper is about."""

from minispp.layers.layer import Layer
from minispp.windows import as_levels, check, count_bins, nesting, pyramid, whole_map_pyramid


class SPP(Layer):
    """Maps of any size, or any windows of them, become vectors of one length.

    A level ``n`` cuts a window of h x w cells into n x n bins. Bin (i, j) holds the rows
    ``floor(i*h/n) .. ceil((i+1)*h/n) - 1`` and the columns likewise; no cell is missed and no bin is empty,
    even on a map smaller than the pyramid. With M bins in all levels together and C channels::

        y[r, bin*C + c] = max of x[n,i,j,c] over the cells (i, j) of that bin of window r

    Backward: the gradient of each bin goes to the one cell that won it. Bins overlap, levels overlap, and
    windows overlap, so a cell adds up what it receives::

        dx[n,i,j,c] = sum of dy[r, bin*C + c] over all windows r and bins that (i, j) won

    If n divides m, each level-n bin is exactly the union of (m/n)^2 level-m bins. So {6, 3, 2, 1} reads the map
    once: 3 and 2 are pooled from the 36 bins of 6, and 1 from the 4 bins of 2. The winners of a coarse level
    are winners of its finer one, kept as cells of the map; backward therefore needs no detour through the
    finer level, and sends everything home in one pass.

    Parameters
    ----------
    levels : sequence of int or (rows, columns)
        The pyramid, in the order of the output; the paper's is (6, 3, 2, 1), 50 bins.

    Notes
    -----
    Shapes: x (N, H, W, C), windows (R, 5) -> y (R, M*C); without windows the whole maps are pooled, and R = N.
    Saved: winners, not x. Source: paper, section 2.2 and appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> spp = SPP((2, 1))
    >>> spp.forward(np.arange(12.0).reshape(1, 3, 4, 1))
    array([[ 5.,  7.,  9., 11., 11.]])

    The winner of two bins receives the gradient of both:

    >>> spp.backward(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]))[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [0., 1., 0., 2.],
           [0., 3., 0., 9.]])

    Any size gives the same length, and so does any window:

    >>> spp.forward(np.zeros((3, 13, 10, 8))).shape, spp.forward(np.zeros((1, 1, 5, 8))).shape
    ((3, 40), (1, 40))
    >>> spp.forward(np.zeros((3, 13, 10, 8)), windows=[[2, 0, 0, 4, 9], [0, 12, 3, 13, 4]]).shape
    (2, 40)
    """

    settings = ("levels",)

    def __init__(self, levels):
        super().__init__()
        try:
            self.levels = as_levels(levels)
        except ValueError as error:
            raise ValueError(f"SPP: {error}") from None
        self.bins = count_bins(levels)

    def output_shape(self, shape):
        """(N, M * C): whole maps."""
        return shape[0], self.bins * shape[3]

    def forward(self, x, windows=None):
        """Maps x (N, H, W, C), windows (R, 5) or None -> y (R, M*C)."""
        self.expect_maps(x)
        n, height, width, channels = x.shape
        if n:
            self.expect(height > 0 and width > 0, "maps of at least one cell", x)
        if windows is not None:
            try:
                windows = check(windows, x.shape)
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None
            table = pyramid(windows, self.levels)
        else:
            table = whole_map_pyramid(n, height, width, self.levels)
        table = table.reshape(-1, self.bins, 5)
        y, winners = self.ops.window_max(x, table, nesting(self.levels), need_winners=self.saving)
        self.saved = winners, x.shape
        return y.reshape(len(table), self.bins * channels)

    def backward(self, dy):
        """Gradients dy (R, M*C) -> dx (N, H, W, C)."""
        winners, shape = self.unpack()
        self.expect_like(dy, (len(winners), self.bins * shape[3]))
        return self.ops.window_max_backward(dy.reshape(winners.shape), winners, shape)
