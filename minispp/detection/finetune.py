"""Fine-tuning to the task itself: windows of whole pictures, and their classes.

The paper trains the fully connected layers only, on pooled features that are computed once; training through the
pooling was left to its successor, Fast R-CNN. Here both are there: `fine_tune_head` for vectors at hand, and
`fine_tune` for the whole net, because our pooling of windows has a backward.
"""

from hashlib import sha256
from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp.checkpoint import Checkpoint, Progress
from minispp.data import resize_min_side
from minispp.data.augment import relit
from minispp.detection.describe import mirrored, resized_boxes
from minispp.detection.sampling import draw_windows, label_windows
from minispp.fields import box_to_cells
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD


def fine_tune(
    net,
    scenes,
    proposals,
    *,
    scales,
    schedule,
    epochs,
    pictures=2,
    windows=64,
    positive_share=0.25,
    optimiser=None,
    cell_rule="paper",
    seed=0,
    checkpoint=None,
    progress=True,
):
    """Train a whole net, trunk and head, on windows of pictures: one convolution of a picture for all of its windows.

    A step takes a few pictures. Each is resized to a scale drawn from `scales`, mirrored every second time, put under
    other light (`minispp.data.augment.relit`), and convolved once; `windows` of its proposals and objects are pooled
    and classified. The gradients of all windows meet in the picture's map, and go down the trunk together.

    Parameters
    ----------
    net : Net
        Its last class is background. It may have been trained on crops (`minispp.detection.pretrain`).
    scenes : detection dataset
    proposals : sequence of int array (R, 4)
        For each scene, in pixels of its picture.
    scales : sequence of int
        Shorter sides of the resized pictures.
    schedule : Step or Cosine
        The rate; see `minispp.optim`.
    epochs : int
    pictures, windows : int
        Of a step, and of each of its pictures.
    positive_share : float
        Largest share of positives among the windows.
    optimiser : SGD, optional
    cell_rule : "paper" or "released"
        From boxes to cells; see `minispp.fields.box_to_cells`.
    seed : int
    checkpoint : path, optional
        Where the state is kept after each epoch. If the file is there, the run resumes from it, with the same bits as
        if it had never stopped.
    progress : bool

    Returns
    -------
    History
        Loss and error are means over windows.

    Raises
    ------
    FloatingPointError
        If a gradient is NaN or infinite: in which step.
    ValueError
        If the checkpoint belongs to another run: which setting differs.

    Examples
    --------
    >>> from minispp import zoo
    >>> from minispp.data import Shapes
    >>> from minispp.optim import Step
    >>> scenes = Shapes(2, classes=["dotted bar"], sizes=(40, 50), objects=2)
    >>> proposals = [np.array([[0, 0, 20, 30], [5, 9, 40, 39]])] * 2
    >>> settings = {"scales": (48,), "schedule": Step(0.01), "epochs": 2, "progress": False}
    >>> history = fine_tune(zoo.small(["dotted bar", "background"], width=2), scenes, proposals, **settings)
    >>> len(history), history[0]["sizes"]
    (2, [48])
    """
    if len(proposals) != len(scenes) or len(scenes) == 0:
        raise ValueError(f"fine_tune: expected proposals for each of {len(scenes)} scenes, got {len(proposals)}")
    optimiser, background = optimiser or SGD(decay=5e-4, clip=5.0), net.outputs - 1
    if background != len(scenes.classes):
        raise ValueError(
            f"fine_tune: expected a net of {len(scenes.classes)} classes and background, got {net.outputs} outputs"
        )
    settings = {
        "scales": tuple(scales),
        "schedule": schedule,
        "optimiser": optimiser,
        "pictures": pictures,
        "windows": windows,
        "positive share": positive_share,
        "cell rule": cell_rule,
        "seed": seed,
        "scenes": len(scenes),
        "objects and proposals": _hash(scenes, proposals),
        "layers": net.layers,
        "backend": net.ops.__name__,
        "type": net.dtype.name,
    }
    # A run begins at rest, whatever an earlier one, perhaps interrupted, has left behind.
    optimiser.velocities.clear()
    for param in net.params():
        param.grad = None
    keeper = Checkpoint(checkpoint, {name: str(value) for name, value in settings.items()})
    now = keeper.resume(net, optimiser) or Progress()
    shape = {"total": epochs * len(scenes), "initial": now.epoch * len(scenes), "unit": "picture"}
    bar = tqdm(**shape, desc="fine-tuning", disable=not progress)
    net.training = True
    try:
        while now.epoch < epochs:
            order = np.random.default_rng([seed, now.epoch, 0]).permutation(len(scenes))
            for first in range(0, len(order), pictures):
                started = perf_counter()
                now.rate = schedule.rate(now.epoch + first / len(order), now.history.errors())
                views = []
                for index in order[first : first + pictures].tolist():
                    rng = np.random.default_rng([seed, now.epoch, 1, index])
                    drawn = _drawn(scenes.scene(index), proposals[index], background, windows, positive_share, rng)
                    views.append(_view(*drawn, int(rng.choice(scales)), rng))
                loss, wrong, count = _step(net, optimiser, views, now, cell_rule)
                now.add(count, loss, wrong, perf_counter() - started)
                bar.update(len(views))
                bar.set_postfix_str(f"epoch {now.epoch + 1}/{epochs}, loss {now.loss:.3f}, error {now.error:.1%}")
            now.end_epoch({"sizes": sorted(scales)})
            keeper.keep(net, optimiser, now)
    finally:
        net.training = False
        bar.close()
    return now.history


def fine_tune_head(
    net,
    vectors,
    labels,
    *,
    schedule,
    epochs,
    batch=128,
    positive_share=0.25,
    optimiser=None,
    seed=0,
    progress=True,
):
    """Train the head alone, on vectors that were pooled once: the paper's fine-tuning (section 4.1).

    An epoch sees each positive once, with as many negatives, drawn anew, as `positive_share` asks for.

    Parameters
    ----------
    net : Net
        Its last class is background. Trunk and pooling are not used.
    vectors : float array (R, M*C)
        Of windows, from `minispp.detection.describe`.
    labels : int array (R,)
        Their classes; background is the last; -1 is left out. See `label_windows`.
    schedule, epochs, optimiser, seed, progress
        As for `fine_tune`.
    batch : int
        Windows of a step.
    positive_share : float

    Returns
    -------
    list of dict
        For each epoch ``loss`` and ``error``.

    Examples
    --------
    >>> from minispp import zoo
    >>> from minispp.optim import Step
    >>> net, vectors = zoo.small(2, levels=(1,)), np.eye(96, dtype=np.float32)[:8]
    >>> history = fine_tune_head(net, vectors, [0, 0, 1, 1, 1, 1, 1, 1], schedule=Step(0.1), epochs=3)
    >>> history[-1]["loss"] < history[0]["loss"]
    True
    """
    labels, background = np.asarray(labels), net.outputs - 1
    positives, negatives = np.flatnonzero((labels >= 0) & (labels < background)), np.flatnonzero(labels == background)
    if len(labels) != len(vectors) or len(positives) == 0 or len(negatives) == 0:
        raise ValueError(
            f"fine_tune_head: expected a label for each of {len(vectors)} vectors, some positive and some background, "
            f"got {len(labels)}, {len(positives)} positive and {len(negatives)} background"
        )
    optimiser, history = optimiser or SGD(decay=5e-4, clip=5.0), []
    wanted = max(1, round(len(positives) * (1 - positive_share) / positive_share))
    net.training = True
    try:
        for epoch in tqdm(range(epochs), desc="fine-tuning the head", unit="epoch", delay=2, disable=not progress):
            rng = np.random.default_rng([seed, epoch])
            rows = np.concatenate([positives, rng.choice(negatives, wanted, replace=wanted > len(negatives))])
            rows, loss, wrong = rng.permutation(rows), 0.0, 0
            for first in range(0, len(rows), batch):
                part = rows[first : first + batch]
                scores = net.classify(net.ops.asarray(vectors[part], net.dtype))
                part_of_loss, part_wrong, dz = _loss(net, scores, labels[part], len(part))
                for layer in reversed(net.head):
                    dz = layer.backward(dz)
                optimiser.step(net, schedule.rate(epoch + first / len(rows), []))
                loss, wrong = loss + part_of_loss * len(part), wrong + part_wrong
            history.append({"epoch": epoch + 1, "loss": loss / len(rows), "error": wrong / len(rows)})
    finally:
        net.training = False
    return history


def _drawn(scene, proposals, background, windows, positive_share, rng):
    """A picture, windows of it (n, 4) drawn from its objects and proposals, and their classes (n,)."""
    objects, labels = scene.boxes[~scene.difficult], scene.labels[~scene.difficult]
    boxes = np.concatenate([objects, proposals])
    classes = label_windows(boxes, objects, labels, background)
    rows, classes = draw_windows(classes, background, windows, rng, positive_share)
    return scene.picture, boxes[rows], classes


def _view(picture, boxes, classes, scale, rng):
    """The picture at a scale, perhaps mirrored, under other light, with the boxes in it."""
    resized = resize_min_side(picture, scale)
    boxes = resized_boxes(boxes, picture.shape, resized.shape[:2])
    if rng.random() < 0.5:
        resized, boxes = mirrored(resized, boxes)
    return relit(resized, rng.random(4)), boxes, classes


def _step(net, optimiser, views, now, cell_rule):
    """One step of the optimiser: the mean loss of its windows, how many are wrong, and how many there are."""
    loss, wrong, count = 0.0, 0, sum(len(classes) for _, _, classes in views)
    for view in views:
        part_of_loss, part_wrong = _add_gradients(net, *view, count, cell_rule)
        loss, wrong = loss + part_of_loss, wrong + part_wrong
    try:
        optimiser.step(net, now.rate)
    except FloatingPointError as error:
        raise FloatingPointError(f"fine_tune: step {now.step + 1} of epoch {now.epoch + 1}: {error}") from None
    return loss, wrong, count


def _add_gradients(net, picture, boxes, classes, count, cell_rule):
    """Forward and backward of the windows of one picture: their share of the loss, and how many are wrong."""
    if len(boxes) == 0:
        return 0.0, 0
    maps = net.features(net.prepare(picture[None]))
    rows = np.insert(boxes, 0, 0, axis=1)  # of picture 0
    scores = net.classify(net.pool(maps, box_to_cells(rows, net.field, *maps.shape[1:3], rule=cell_rule)))
    loss, wrong, dz = _loss(net, scores, classes, count)
    net.backward(dz)
    return loss, wrong


def _loss(net, scores, classes, count):
    """Loss over `count`, how many are wrong, and the gradient of the scores."""
    layer = SoftmaxLoss().to(net.ops)
    loss = layer.forward(scores, classes, count=count)
    return loss, layer.wrong, layer.backward()


def _hash(scenes, proposals):
    """What a checkpoint knows the scenes by: their objects, and their proposals, which come from their pixels."""
    found = sha256()
    for index, boxes in enumerate(proposals):
        for array in (*scenes.scene(index)[1:], boxes):
            found.update(np.ascontiguousarray(array, np.int64).tobytes())
    return found.hexdigest()
