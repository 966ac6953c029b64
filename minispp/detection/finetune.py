"""Fine-tuning to the task itself: windows of whole pictures, and their classes.

The paper trains the fully connected layers only, on pooled features that are computed once; training through the
pooling was left to its successor, Fast R-CNN. Here both are there: `fine_tune_head` for vectors at hand, and
`fine_tune` for the whole net, because our pooling of windows has a backward.
"""

from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp.boxes import flip
from minispp.data import resize_min_side
from minispp.detection.describe import resized_boxes
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
    progress=True,
):
    """Train a whole net, trunk and head, on windows of pictures: one convolution of a picture for all of its windows.

    A step takes a few pictures. Each is resized to a scale drawn from `scales`, mirrored every second time, and
    convolved once; `windows` of its proposals and objects are pooled and classified. The gradients of all windows
    meet in the picture's map, and go down the trunk together.

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
    progress : bool

    Returns
    -------
    list of dict
        For each epoch ``loss``, ``error`` (share of windows that are classified wrongly) and ``seconds``.

    Raises
    ------
    FloatingPointError
        If a gradient is NaN or infinite: in which step.
    """
    optimiser = optimiser or SGD(decay=5e-4, clip=5.0)
    background = net.outputs - 1
    history, loss_layer = [], SoftmaxLoss().to(net.ops)
    net.training = True
    bar = tqdm(total=epochs * len(scenes), desc="fine-tuning", unit="picture", disable=not progress)
    try:
        for epoch in range(epochs):
            order = np.random.default_rng([seed, epoch, 0]).permutation(len(scenes))
            started, losses, wrong, seen = perf_counter(), 0.0, 0, 0
            for first in range(0, len(scenes), pictures):
                batch = []
                for index in order[first : first + pictures].tolist():
                    rng = np.random.default_rng([seed, epoch, 1, index])
                    batch.append(_view(scenes.scene(index), proposals[index], background, windows, positive_share, scales, rng))
                count = sum(len(classes) for _, _, classes in batch)
                if count == 0:
                    continue
                for picture, boxes, classes in batch:
                    if len(boxes) == 0:
                        continue
                    maps = net.features(net.prepare(picture[None]))
                    cells = box_to_cells(boxes, net.field, *maps.shape[1:3], rule=cell_rule)
                    loss = loss_layer.forward(net.classify(net.pool(maps, cells)), classes, count=count)
                    net.backward(loss_layer.backward())
                    losses += loss * count
                    wrong += int((net.ops.to_numpy(loss_layer.probabilities).argmax(axis=1) != classes).sum())
                seen += count
                optimiser.step(net, schedule.rate(epoch + first / len(scenes), []))
                bar.update(len(batch))
                bar.set_postfix_str(f"loss {losses / seen:.3f}, error {wrong / seen:.1%}")
            history.append({"loss": losses / max(seen, 1), "error": wrong / max(seen, 1), "seconds": perf_counter() - started})
    finally:
        net.training = False
        bar.close()
    return history


def _view(scene, proposals, background, windows, positive_share, scales, rng):
    """A resized, perhaps mirrored picture, drawn windows of it (n, 5), and their classes (n,)."""
    sure = ~scene.difficult
    boxes = np.concatenate([scene.boxes[sure], proposals])
    classes = label_windows(boxes, scene.boxes[sure], scene.labels[sure], background)
    rows, classes = draw_windows(classes, background, windows, rng, positive_share)
    picture = resize_min_side(scene.picture, int(rng.choice(scales)))
    boxes = resized_boxes(boxes[rows], scene.picture.shape[:2], picture.shape[:2])
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        boxes = flip(boxes, picture.shape[1])
    return picture, np.insert(boxes, 0, 0, axis=1), classes
