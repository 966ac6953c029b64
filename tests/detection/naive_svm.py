"""What the detectors' training should reach, in plain loops written from the formulas."""

import numpy as np


def primal(features, signs, costs, bias, loss, weights, last):
    """P(w, v), term by term."""
    total = (sum(w * w for w in weights) + last * last) / 2
    for x, y, cost in zip(features, signs, costs, strict=True):
        margin = y * (sum(a * w for a, w in zip(x, weights, strict=True)) + last * bias)
        short = max(0.0, 1 - margin)
        total += cost * (short if loss == "hinge" else short * short)
    return total


def solve(features, signs, costs, bias, loss, steps=20_000):
    """Projected gradient ascent of the dual over all alphas together: (w, v), and a lower bound of P."""
    x = np.hstack([np.asarray(features, np.float64), np.full((len(features), 1), bias)]) * np.array(signs)[:, None]
    costs = np.array(costs, np.float64)
    q = x @ x.T + (np.diag(1 / (2 * costs)) if loss == "squared hinge" else 0)
    upper = costs if loss == "hinge" else np.inf
    rate = 1 / max(np.linalg.eigvalsh(q)[-1], 1e-12)
    alphas = ahead = np.zeros(len(costs))
    momentum = 1.0
    for _ in range(steps):  # with Nesterov's momentum, restarted where it leads down
        gradient = 1 - q @ ahead
        after = np.clip(ahead + rate * gradient, 0, upper)
        if gradient @ (after - alphas) < 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = after + (momentum - 1) / following * (after - alphas)
        if abs(after - alphas).max() == 0 and momentum > 100:
            break
        alphas, momentum = after, following
    w = alphas @ x
    return w[:-1], w[-1], alphas.sum() - alphas @ q @ alphas / 2
