"""The state of a training run, in one file: enough to go on as if nothing had happened."""

import glob
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from minispp.history import History
from minispp.layers import Dropout
from minispp.weights import assign, read_tensors, write_tensors

FORMAT = "minispp checkpoint 1"


@dataclass
class Progress:
    """How far a run has come: whole epochs, steps of the present one, and its sums so far."""

    epoch: int = 0
    step: int = 0
    samples: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    history: History = field(default_factory=History)

    @property
    def loss(self):
        """Mean loss of the samples of this epoch."""
        return self.loss_sum / max(self.samples, 1)

    @property
    def error(self):
        """Share of the samples of this epoch that were classified wrongly."""
        return self.wrong / max(self.samples, 1)

    def add(self, samples, loss, wrong, seconds):
        """Count one step, weighted by its samples."""
        self.step += 1
        self.samples += samples
        self.loss_sum += loss * samples
        self.wrong += wrong
        self.seconds += seconds

    def end_epoch(self, more):
        """Write the epoch down and begin the next."""
        row = {"epoch": self.epoch + 1, "rate": self.rate, "loss": self.loss, "error": self.error}
        self.history.append({**row, "seconds": self.seconds, **more})
        self.epoch, self.step, self.samples = self.epoch + 1, 0, 0
        self.loss_sum, self.wrong, self.seconds = 0.0, 0, 0.0


class Checkpoint:
    """Keeps a run in a file, or nowhere if `path` is None.

    Parameters
    ----------
    path : path or None
    settings : dict of str to str
        What the run depends on. A file written under other settings is refused, with the first that differs.
    """

    def __init__(self, path, settings):
        self.path = None if path is None else Path(path)
        self.settings = settings
        if self.path is not None and not self.path.parent.is_dir():
            raise ValueError(f"checkpoint: there is no folder {self.path.parent} to keep {self.path.name} in")

    def keep(self, net, optimiser, progress):
        """Write the state; a kill at any moment leaves the last one or this one."""
        if self.path is None:
            return
        tensors = {}
        for param in net.params():
            tensors[f"value/{param.name}"] = net.ops.to_numpy(param.value)
            tensors[f"velocity/{param.name}"] = net.ops.to_numpy(optimiser.velocity(param, net.ops))
        state = {
            "progress": asdict(progress),
            "settings": self.settings,
            "dropout_calls": {layer.name: layer.calls for layer in net.layers if isinstance(layer, Dropout)},
            "mean": net.mean,
            "std": net.std,
        }
        write_tensors(self.path, tensors, {"format": FORMAT, "state": json.dumps(state)})

    def resume(self, net, optimiser):
        """Put net and optimiser into the state of the file. Returns its progress, or None if there is no file.

        Nothing is changed before everything has been read and found to fit.
        """
        if self.path is None:
            return None
        for leftover in self.path.parent.glob(f".{glob.escape(self.path.name)}.????????.part"):
            leftover.unlink()  # of a run that was killed while writing
        if not self.path.exists():
            return None
        tensors, metadata = read_tensors(self.path)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"{self.path}: expected a file of format {FORMAT!r}, got {metadata.get('format')!r}")
        dropouts = [layer for layer in net.layers if isinstance(layer, Dropout)]
        try:
            state = json.loads(metadata["state"])
            settings = dict(state["settings"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.path}: not a complete checkpoint ({error!r})") from None
        self._require_same(settings)
        try:
            velocities = {param.name: tensors[f"velocity/{param.name}"] for param in net.params()}
            calls = [int(state["dropout_calls"][layer.name]) for layer in dropouts]
            mean, std = (None if values is None else tuple(values) for values in (state["mean"], state["std"]))
            progress = state["progress"]
            progress = Progress(**{**progress, "history": History(progress["history"])})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{self.path}: not a complete checkpoint of this net ({error!r})") from None
        for param in net.params():
            if velocities[param.name].shape != param.value.shape:
                raise ValueError(f"{self.path}: the velocity of {param.name} has another shape than the parameter")
        assign(net, {k.removeprefix("value/"): v for k, v in tensors.items() if k.startswith("value/")}, self.path)
        for name, velocity in velocities.items():
            optimiser.velocities[name] = net.ops.asarray(velocity)
        for layer, count in zip(dropouts, calls, strict=True):
            layer.calls = count
        net.mean, net.std = mean, std
        return progress

    def _require_same(self, settings):
        for name, value in self.settings.items():
            if settings.get(name) != value:
                raise ValueError(
                    f"{self.path}: belongs to a run with {name} = {settings.get(name)}, this one has {value}; "
                    "move the file away to start anew"
                )
