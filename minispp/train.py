"""Training: one loop, whatever the sizes.

Everything that happens at a step is a function of (seed, epoch, step): the order of the samples, the region, flip and
colours of each, the sizes, the dropout masks. So a run that was stopped goes on from its checkpoint and ends
in the same bits as one that was not.
"""

from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp.checkpoint import Checkpoint, Progress
from minispp.data import View, centre_view, mean_and_std
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD


def fit(
    net,
    data,
    *,
    sizes,
    schedule,
    epochs,
    batch=16,
    optimiser=None,
    view=None,
    seed=0,
    validation=None,
    checkpoint=None,
    checkpoint_steps=None,
    progress=True,
):
    """Train a net on a dataset, in place.

    Parameters
    ----------
    net : Net
        On the backend that is to do the work. Its `mean` and `std` are taken from the data if it has none.
    data : dataset
        ``len(data)``, ``data[i] -> (picture, label)``; see `minispp.data`. If it has a ``fingerprint``, a checkpoint of
        other data is refused.
    sizes : Single, Alternating, Random or Mixed
        The sides at which pictures are seen; see `minispp.sizes`.
    schedule : Step, Plateau or Cosine
        The rate; see `minispp.optim`. `Plateau` watches the validation error, or the training error without one.
    epochs : int
        How many there are in all, those before a resumption included.
    batch : int
        Samples of one step. The gradient is their mean, also in a last, shorter batch.
    optimiser : SGD, optional
    view : View, optional
        How a region of each picture is chosen and changed. Its `repr` is what a checkpoint knows it by.
    seed : int
        Of everything that is drawn while training.
    validation : dataset, optional
        Measured after each epoch by the centre view at the largest size. Never a test set.
    checkpoint : path, optional
        Where the state is kept, after each epoch and every `checkpoint_steps` steps. If the file is there, the run
        resumes from it, with the same bits as if it had never stopped.
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    History

    Raises
    ------
    FloatingPointError
        If the loss or a gradient is NaN or infinite: which step, and in which layer it began.
    ValueError
        If the checkpoint belongs to another run: which setting differs.

    Examples
    --------
    >>> from minispp import zoo
    >>> from minispp.optim import Step
    >>> from minispp.sizes import Mixed
    >>> noise = np.random.default_rng(0)
    >>> data = [(noise.integers(0, 256, (40, 50, 3), dtype=np.uint8), label) for label in (0, 1, 0)]
    >>> history = fit(zoo.small(2), data, sizes=Mixed((24, 32)), schedule=Step(0.01), epochs=2, progress=False)
    >>> len(history), sorted(history[0])
    (2, ['epoch', 'error', 'loss', 'rate', 'seconds', 'sizes'])
    """
    if validation is not None and len(validation) == 0:
        raise ValueError("fit: the validation set has no pictures")
    if len(data) == 0 or batch < 1 or epochs < 1:
        raise ValueError(f"fit: expected pictures, batch >= 1 and epochs >= 1, got {len(data)}, {batch} and {epochs}")
    optimiser, view = optimiser or SGD(decay=5e-4, clip=5.0), view or View()
    if net.mean is None:
        net.mean, net.std = (tuple(map(float, values)) for values in mean_and_std(data))
    net.trained_at = (sizes.largest, view.margin)
    settings = {
        "sizes": sizes,
        "schedule": schedule,
        "optimiser": optimiser,
        "view": view,
        "batch": batch,
        "seed": seed,
        "pictures": len(data),
        "validation pictures": 0 if validation is None else len(validation),
        "layers": net.layers,
        "backend": net.ops.__name__,
        "type": net.dtype.name,
    }
    if hasattr(data, "fingerprint"):
        settings["data"] = data.fingerprint
    # A run begins at rest, whatever an earlier one, perhaps interrupted, has left behind.
    optimiser.velocities.clear()
    for param in net.params():
        param.grad = None
    keeper = Checkpoint(checkpoint, {name: str(value) for name, value in settings.items()})
    now = keeper.resume(net, optimiser) or Progress()
    steps = -(-len(data) // batch)
    bar = tqdm(total=epochs * steps, initial=now.epoch * steps + now.step, disable=not progress, unit="step")
    net.training = True
    try:
        while now.epoch < epochs:
            order = np.random.default_rng([seed, now.epoch, 0]).permutation(len(data))
            sides = sizes.draw(now.epoch, len(data), np.random.default_rng([seed, now.epoch, 1]))
            while now.step < steps:
                started = perf_counter()
                part = slice(now.step * batch, (now.step + 1) * batch)
                now.rate = schedule.rate(now.epoch + now.step / steps, now.history.errors())
                samples = [(int(i), int(side)) for i, side in zip(order[part], sides[part], strict=True)]
                where = f"step {now.step + 1} of epoch {now.epoch + 1}"
                loss, wrong = _step(net, optimiser, data, samples, view, [seed, now.epoch], now.rate, where)
                now.add(len(samples), loss, wrong, perf_counter() - started)
                bar.update()
                bar.set_postfix_str(f"epoch {now.epoch + 1}/{epochs}, loss {now.loss:.3f}, error {now.error:.1%}")
                if checkpoint_steps and now.step % checkpoint_steps == 0 and now.step < steps:
                    keeper.keep(net, optimiser, now)
            row = {"sizes": sorted(set(map(int, sides)))}
            if validation is not None:
                row["validation_error"] = 1 - accuracy(net, validation, sizes.largest, view.margin, batch)
            now.end_epoch(row)
            keeper.keep(net, optimiser, now)
    finally:
        net.training = False
        bar.close()
    return now.history


def accuracy(net, data, size, margin=View.margin, batch=16):
    """The share of pictures whose centre view, at one size, is classified as labelled.

    Examples
    --------
    >>> from minispp import zoo
    >>> accuracy(zoo.small(1), [(np.zeros((40, 50, 3), np.uint8), 0)], size=32)
    1.0
    """
    if len(data) == 0:
        raise ValueError("accuracy: expected at least one picture")
    right = 0
    with net.testing():
        for start in range(0, len(data), batch):
            samples = [data[i] for i in range(start, min(start + batch, len(data)))]
            views = np.stack([centre_view(picture, size, margin) for picture, _ in samples])
            scores = net.ops.to_numpy(net.forward(net.prepare(views)))
            right += int(sum(scores.argmax(axis=1) == [label for _, label in samples]))
    return right / len(data)


def _step(net, optimiser, data, samples, view, seeds, rate, where):
    """One step of the optimiser on ``samples``, (index, side) pairs: returns the loss and how many are wrong.

    The samples of one side form a group that runs as one array. Gradients add up over the groups, each divided by
    the size of the whole batch.
    """
    loss_layer = SoftmaxLoss().to(net.ops)
    loss, wrong = 0.0, 0
    for side in sorted({side for _, side in samples}):
        views, labels = [], []
        for index in (index for index, its_side in samples if its_side == side):
            picture, label = data[index]
            views.append(view(picture, side, np.random.default_rng([*seeds, 2, index])))
            labels.append(label)
        x = net.prepare(np.stack(views))
        group_loss = loss_layer.forward(net.forward(x), np.array(labels), count=len(samples))
        if not np.isfinite(group_loss):
            raise FloatingPointError(f"{where}: the loss is {group_loss}; {_where_it_began(net, x)}")
        net.backward(loss_layer.backward())
        loss += group_loss
        wrong += loss_layer.wrong
    try:
        optimiser.step(net, rate)
    except FloatingPointError as error:
        raise FloatingPointError(f"{where}: {error}") from None
    return loss, wrong


def _where_it_began(net, x):
    """The first parameter or output, from the picture on, that is not finite."""
    if not np.isfinite(x).all():
        return "the prepared pictures are not finite: look at net.mean and net.std"
    for layer in net.layers:
        for param in layer.params():
            if not np.isfinite(net.ops.to_numpy(param.value)).all():
                return f"{param.name} is not finite"
        x = layer.forward(net.ops.asarray(x, net.dtype))
        if not np.isfinite(net.ops.to_numpy(x)).all():
            return f"the output of {layer.name} is not finite"
    return "every layer's output is finite, so the scores are too large for the loss"
