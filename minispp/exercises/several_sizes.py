"""Exercises of notebook 5: training on several sizes."""

import numpy as np

from minispp.exercises.grading import Wrong, call, exercise, require_array, require_equal

PLANS = [(32, 48, 5), (40, 57, 4), (24, 31, 3), (48, 48, 3), (32, 48, 1), (8, 83, 16)]  # low, high, epochs
GROUPS = [(6, 2), (1, 4, 2), (5,), (3, 0, 4)]  # samples of each size in a mini-batch


@exercise
def growing(answer):
    """A plan of sizes: the side grows from `low` in the first epoch to `high` in the last of `epochs`, and stays there.

    In epoch e (from 0) every sample is seen at low + (high - low) e / (epochs - 1), rounded down; with a single epoch,
    at `high`. ``draw(epoch, count, rng)`` and ``largest`` are those of `minispp.sizes`.
    """
    for low, high, epochs in PLANS:
        name = f"Growing({low}, {high}, {epochs})"
        plan = call(answer, low, high, epochs)
        _require_largest(plan, name, high)
        want = [low + (high - low) * epoch // (epochs - 1) for epoch in range(epochs)] if epochs > 1 else [high]
        want += [high, high]  # who trains for longer stays there
        found = [_drawn(plan, name, epoch, count=3 + epoch) for epoch in range(len(want))]
        _require_sides(found, want, name, low, high, epochs)
        _drawn(plan, name, 0, count=0)
        for epoch in (len(want) - 1, 0):  # a run that resumes makes a new plan, and asks for a later epoch first
            again = _drawn(call(answer, low, high, epochs), name, epoch, count=2)
            if again.tolist() != 2 * [want[epoch]]:
                raise Wrong(
                    f"A new {name} draws {again[0]} in epoch {epoch}, after other epochs {want[epoch]}. The side must "
                    "follow from `epoch` alone: a run that resumes makes a new plan, which counts no calls."
                )
    return f"Tried on {len(PLANS)} plans, among them one of a single epoch, and on epochs after the last."


@exercise
def score_gradients(answer):
    """The gradient of the loss of a whole mini-batch with respect to the scores, for each group of one size.

    The loss is the mean over all samples of the batch, whatever their group.
    """
    rng = np.random.default_rng(5)
    for sizes in GROUPS:
        classes = 2 + len(sizes)
        p = [rng.dirichlet(np.ones(classes), size) for size in sizes]
        labels = [rng.integers(classes, size=size) for size in sizes]
        hot = [np.eye(classes)[group] for group in labels]
        kept = [one.copy() for one in p]
        named = f"score_gradients of groups of {' and '.join(map(str, sizes))} samples"
        tell = _named(lambda p, labels: answer(p, labels), named)
        got = call(tell, p, labels)
        if any(not np.array_equal(*pair) for pair in zip(p, kept, strict=True)):
            raise Wrong(f"{named} changed the probabilities it was given. Work on a copy, or make a new array.")
        if not isinstance(got, (list, tuple)) or len(got) != len(sizes):
            raise Wrong(f"{named}: expected a list with one array for each of {len(sizes)} groups.")
        total = sum(sizes)
        for k, (probabilities, one, size) in enumerate(zip(p, hot, sizes, strict=True)):
            gap, every = probabilities - one, probabilities - np.isin(range(classes), labels[k])
            typical = [
                (gap, "Nothing was divided: the loss is the mean over the samples, not their sum."),
                (gap / max(size, 1), OWN_SIZE),
                (gap / max(size, 1) / len(sizes), MEAN_OF_MEANS),
                (gap / len(sizes), "Divide by the number of samples, not by the number of groups."),
                (gap / total / classes, "The mean is over samples, and not also over classes."),
                (-gap / total, "The sign is wrong: the gradient is p - 1 for the label, so it is negative there."),
                (every / total, "Each row has its own label; p[:, labels] takes 1 from these columns of all rows."),
                (-one / probabilities / total, "That is the gradient with respect to p, not to the scores."),
                (probabilities / total, "The label is missing: its probability has to be reduced by 1."),
            ]
            require_equal(f"{named}: the gradient of group {k}", got[k], gap / total, typical)
    return f"Tried on {len(GROUPS)} mini-batches; in one a group was empty."


# ---------------------------------------------------------------------------------------------------

OWN_SIZE = (
    "Each group was divided by its own size, so a sample in a small group counts for more. "
    "All groups belong to one mini-batch: divide by the samples of the whole batch."
)
MEAN_OF_MEANS = (
    "That is the mean of the means of the groups, in which a sample of a small group counts for more. "
    "Divide by the samples of the whole batch."
)


def _require_largest(plan, name, high):
    if not hasattr(type(plan), "largest") and not hasattr(plan, "largest"):
        raise Wrong(f"{name} has no `largest`. It is the side at which the net is tested, and train.fit asks for it.")
    largest = call(_named(lambda: plan.largest, f"{name}.largest"))
    if callable(largest):
        raise Wrong(f"{name}.largest is a method: make it a @property, or set it in __init__.")
    if largest != high:
        raise Wrong(f"{name}.largest is {largest}, and should be {high}: the net is tested at the largest side.")


def _drawn(plan, name, epoch, count):
    """What a plan draws, an integer for each of `count` samples."""
    draw = _named(lambda epoch, count: plan.draw(epoch, count, np.random.default_rng(epoch)), f"{name}.draw")
    try:
        got = call(draw, epoch, count)
    except Wrong as error:
        if "ZeroDivisionError" not in str(error):
            raise
        raise Wrong(f"{error}. With a single epoch there is no step from first to last: all at `high`.") from None
    what = f"{name}.draw({epoch}, {count}, rng)"
    if np.ndim(got) == 0:
        raise Wrong(f"{what} is a single number. A plan gives a side to each of the `count` samples: an array.")
    got = require_array(what, got, np.empty(count))
    if count and got.dtype.kind not in "iu":
        raise Wrong(f"{what} is of type {got.dtype}. A picture has whole pixels: return integers.")
    return got


def _require_sides(found, want, name, low, high, epochs):
    """Compare the sides of all epochs; name what is typical."""
    for epoch, sides in enumerate(found):
        if len(set(sides.tolist())) > 1:
            raise Wrong(f"{name}: epoch {epoch} holds the sides {sorted(set(sides.tolist()))}, and should hold one.")
    got = [int(sides[0]) for sides in found]
    if got == want:
        return
    epoch = next(k for k, pair in enumerate(zip(got, want, strict=True)) if pair[0] != pair[1])
    said = f"{name}: epoch {epoch} is seen at {got[epoch]} pixels, and should be at {want[epoch]}."
    steps = [low + (high - low) * k / (epochs - 1) if epochs > 1 else high for k in range(len(want))]
    if got == want[::-1] or got[0] > want[0]:
        raise Wrong(f"{said} It should grow: epochs count from 0, and epoch 0 is seen at `low`, if there are several.")
    if epochs == 1:
        raise Wrong(f"{said} With a single epoch there is no step from first to last: all at `high`.")
    if got == [int(low + (high - low) * (min(k, epochs - 1) / (epochs - 1))) for k in range(len(want))]:
        raise Wrong(f"{said} e / (E - 1) is rounded before it is multiplied: multiply first, and divide with //.")
    if got[:epochs] == [low + (high - low) * k // epochs for k in range(epochs)]:
        raise Wrong(f"{said} From the first of {epochs} epochs to the last there are {epochs - 1} steps, not {epochs}.")
    if epoch >= epochs:
        raise Wrong(f"{said} After the last epoch the side stays at `high`.")
    if got[epoch] in (round(steps[epoch]), int(np.ceil(steps[epoch]))):
        raise Wrong(f"{said} {steps[epoch]:.2f} is rounded down.")
    raise Wrong(said)


def _named(function, name):
    function.__name__ = name
    return function
