"""What happened in each epoch of a training run."""

import json
from pathlib import Path

from minispp.weights import write_atomically


class History(list):
    """A list with one dict for each epoch, which can be saved, loaded and plotted (`minispp.plot.curves`).

    Keys: ``epoch`` (from 1), ``rate`` (of the last step), ``loss`` and ``error`` (means over the samples, so a
    short last batch counts as what it is), ``sizes`` (sides that were seen), ``seconds``, and
    ``validation_error`` if there was a validation set.

    Examples
    --------
    >>> history = History([{"epoch": 1, "error": 0.5, "validation_error": 0.6}, {"epoch": 2, "error": 0.4}])
    >>> history.errors(), history.column("error")
    ([0.6, 0.4], [0.5, 0.4])
    """

    def column(self, name):
        """One value for each epoch; None where an epoch has none."""
        return [row.get(name) for row in self]

    def errors(self):
        """What a schedule watches: the validation error of each epoch, or the training error without one."""
        return [row.get("validation_error", row["error"]) for row in self]

    def save(self, path):
        """Write the history as JSON, all or nothing."""
        write_atomically(path, (json.dumps(list(self), indent=1) + "\n").encode())

    @classmethod
    def load(cls, path):
        """Read what `save` wrote."""
        try:
            rows = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: cannot be read as a history ({error})") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{path}: expected a list with one object for each epoch")
        return cls(rows)
