"""What a run of the demo found: three models, each tested in its ways; as numbers, as a table, and in words."""

from dataclasses import dataclass, field
from textwrap import fill

import numpy as np

from minispp.compare import aligned, difference, mean_and_spread, sentence

TWIN, ONE, SEVERAL = "no SPP", "SPP, one size", "SPP, several sizes"
CENTRE, WARPED, FULL, MULTI = "centre crop", "warped whole", "full image", "multi-view"

# The twin takes one size of picture: the centre of a picture, or all of it warped.
WAYS = {TWIN: (CENTRE, WARPED), ONE: (CENTRE, FULL, MULTI), SEVERAL: (CENTRE, FULL, MULTI)}

# What the table is read for: each pair is compared on the same test pictures, seed by seed.
PAIRS = (
    ((ONE, CENTRE), (TWIN, CENTRE)),
    ((ONE, FULL), (TWIN, WARPED)),  # both see all of the picture
    ((ONE, MULTI), (TWIN, CENTRE)),
    ((SEVERAL, CENTRE), (ONE, CENTRE)),
    ((SEVERAL, FULL), (ONE, FULL)),
    ((SEVERAL, MULTI), (ONE, MULTI)),
    ((SEVERAL, FULL), (SEVERAL, CENTRE)),
    ((SEVERAL, MULTI), (SEVERAL, FULL)),
)


@dataclass
class Results:
    """What a run of the demo found.

    Attributes
    ----------
    settings : minispp.demo.Settings
    parts : tuple of dataset
        Training, validation and test pictures.
    command : str
        That would do it again.
    skipped : int
        Files that could not be read.
    answers : dict of (model, way) to array (seeds, pictures, classes)
        Probabilities of each test picture.
    histories : dict of model to list of History
    net : Net
        The first one of several sizes.
    scenes : minispp.detection.demonstration.Scenes, optional
        What the detection part found.
    seconds : dict of str to float
        What took how long.
    """

    settings: object
    parts: tuple
    command: str
    skipped: int = 0
    answers: dict = field(default_factory=dict)
    histories: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    net: object = None
    scenes: object = None

    @property
    def classes(self):
        """Names of the classes."""
        return self.parts[0].classes

    def right(self, model, way):
        """Whether each test picture was classified as labelled: bool array (seeds, pictures)."""
        return self.answers[model, way].argmax(axis=2) == np.asarray(self.parts[2].labels)

    def accuracies(self):
        """The share of test pictures classified rightly: dict of model to dict of way to array (seeds,)."""
        return {model: {way: self.right(model, way).mean(axis=1) for way in ways} for model, ways in WAYS.items()}


def table(results):
    """Accuracy in percent, mean and standard deviation over the seeds: a heading and rows of text."""
    ways = list(dict.fromkeys(way for ways in WAYS.values() for way in ways))
    rows = [["", *ways]]
    for model, shares in results.accuracies().items():
        rows.append([model, *(mean_and_spread(100 * shares[way]) if way in shares else "–" for way in ways)])
    return rows


def caption(results):
    """What the numbers of the table are."""
    seeds, test = results.settings.seeds, results.parts[2]
    spread = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    guess = 100 * np.bincount(test.labels).max() / len(test)
    return (
        f"Accuracy on {len(test)} test pictures of {len(results.classes)} classes, in %; {spread}. "
        f"Always naming the commonest class: {guess:.1f}."
    )


def verdicts(results):
    """What the table shows, pair by pair, in words."""
    lines = []
    for (model, way), (other, other_way) in PAIRS:
        found = difference(results.right(model, way), results.right(other, other_way))
        if way == other_way:
            lines.append(f"{way.capitalize()}: " + sentence(f"“{model}”", f"“{other}”", found))
        elif model == other:
            lines.append(f"“{model}”: " + sentence(way, other_way, found))
        else:
            lines.append(sentence(f"“{model}” with {way}", f"“{other}” with {other_way}", found))
    return lines


def text(results):
    """Table and verdicts for a terminal."""
    lines = aligned(table(results))
    wrapped = [fill(line, 100, initial_indent="- ", subsequent_indent="  ") for line in verdicts(results)]
    return "\n".join(["", fill(caption(results), 100), "", *lines, "", *wrapped, ""])


def times(shape):
    """Height and width of a picture as "height × width"."""
    return f"{shape[0]} × {shape[1]}"
