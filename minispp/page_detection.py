"""The part of the demo's page that is about detection: what was found in the scenes, and what it cost."""

from minispp import markup, plot
from minispp.data import resize
from minispp.detection import demonstration
from minispp.detection.draw import draw_boxes

LARGEST = 2 * markup.LARGEST  # pixels of the longest side of a scene as it is shown: names are drawn in that size


def sections(scenes):
    """Sections by title, from what the detection part of the demo found (`minispp.detection.demonstration.Scenes`)."""
    return {"Many objects, one convolution": _scenes(scenes), "Against R-CNN": _against(scenes)}


def _scenes(scenes):
    yield markup.paragraph(
        "To find objects, a detector looks at some hundred windows of a picture where selective search sees something "
        "that hangs together. R-CNN warps each window to one size and convolves it by itself. SPP-net convolves the "
        "picture once, and cuts the pyramid of every window out of the same feature map. What reads the vectors is "
        "the same for both: a linear SVM for each class, trained with hard negatives, a regression that moves each "
        "box onto its object, and the suppression of all but the best of several boxes on one object."
    )
    shown, entries = demonstration.shown(scenes), []
    scale = LARGEST / max(max(picture.shape) for picture, _, _, _ in shown)
    for picture, boxes, labels, _ in shown:
        large = resize(picture, *(round(scale * side) for side in picture.shape[:2]))
        found = "1 object" if len(boxes) == 1 else f"{len(boxes)} objects"
        size = " × ".join(map(str, picture.shape[:2]))
        entries.append((draw_boxes(large, scale * boxes, labels, scenes.test.classes), found, size))
    yield markup.gallery(entries, 1)
    yield markup.paragraph(
        f"The first test scenes, with what “{demonstration.SPP_SCALES}” found: boxes with scores above 0.", "note"
    )


def _against(scenes):
    yield markup.table(demonstration.caption(scenes), demonstration.table(scenes))
    windows, side = scenes.settings.recipe.search["limit"], scenes.settings.side
    yield markup.paragraph(
        f"All share the trunk, which was trained on crops of {side} × {side} pixels, and the proposals. At one scale a "
        "large and a small window of the same shape are vectors of different sharpness; at five, each window takes the "
        f"scale at which it is nearest to {side} × {side}. R-CNN convolves {windows} × {side}² pixels a scene. The "
        "larger the windows and the more there are of them, the more SPP-net saves: with 2,000 windows of "
        "227 × 227 pixels it is the factor of about a hundred that the paper is known for."
    )
    result = scenes.outcomes[demonstration.SPP_SCALES].result
    curves = {name: (score.precision, score.recall, score.area) for name, score in result.scores.items()}
    yield markup.figure(
        plot.svg(plot.precision_recall(curves)),
        "Precision over recall of each class",
        f"Precision over recall of “{demonstration.SPP_SCALES}”, class by class. The area under the thick line is the "
        "average precision.",
    )
    stages = {name: outcome.testing.seconds for name, outcome in scenes.outcomes.items()}
    names = list(dict.fromkeys(stage for seconds in stages.values() for stage in seconds))
    rows = [["", *names]]
    for name, seconds in stages.items():
        rows.append([name, *(f"{1000 * seconds[stage] / len(scenes.test):.1f}" for stage in names)])
    yield markup.table("Milliseconds a scene in each stage, without the search for proposals.", rows)
