"""Softmax and cross-entropy, which belong together."""

import numpy as np

from minispp.layers.layer import Layer, is_float


class SoftmaxLoss(Layer):
    """How surprised the scores are by the labels.

    Forward: ``p[n,k] = exp(z[n,k]) / sum over j of exp(z[n,j])``, ``loss = -sum over n of log p[n, label[n]] / count``.
    Backward: ``dz[n,k] = (p[n,k] - [k == label[n]]) / count``. Together they are simpler, and more exact, than
    each alone: no logarithm of a rounded probability is taken.

    Attributes
    ----------
    probabilities : array (N, K)
        p of the last forward.
    wrong : int
        Samples of the last forward whose label's score was not the largest; of equal ones the first counts.

    Examples
    --------
    >>> loss = SoftmaxLoss()
    >>> round(loss.forward(np.zeros((2, 4)), np.array([0, 3])), 6) == round(float(np.log(4)), 6)
    True
    >>> loss.backward().tolist()[0]
    [-0.375, 0.125, 0.125, 0.125]
    """

    def forward(self, z, labels, count=None):
        """Scores (N, K), int labels (N,) -> the loss, a float; the mean over `count` samples, N if not given."""
        good = getattr(z, "ndim", 0) == 2 and is_float(z)
        self.expect(good, "float scores (N, K)", z)
        labels = np.asarray(labels)
        good = labels.shape == (len(z),) and np.issubdtype(labels.dtype, np.integer)
        self.expect(good, f"{len(z)} integer labels, one for each row of the scores", labels)
        if len(labels) and not (0 <= labels.min() and labels.max() < z.shape[1]):
            raise ValueError(
                f"{self.name}: expected labels in 0 .. {z.shape[1] - 1}, got {labels.min()} .. {labels.max()}"
            )
        labels = self.ops.asarray(labels, np.int64)
        count = len(z) if count is None else count
        self.expect(count > 0, "a batch of at least one sample", z)
        loss, self.wrong, p = self.ops.softmax_loss(z, labels, count)
        self.saved = p, labels, count
        return loss

    def backward(self):
        """The gradient of the loss with respect to the scores, (N, K)."""
        return self.ops.softmax_loss_backward(*self.unpack())

    @property
    def probabilities(self):
        """The probabilities (N, K) of the last forward."""
        return self.unpack()[0]
