"""Nets in files: safetensors, with the architecture beside the weights. Never pickle: a file is data, not a program.

A file is written next to its place and moved there when it is complete, so whoever reads it finds the old one or
the new one, never half of either. Whatever is wrong with a file is said before anything is changed.

This is also the one place where our channels-last arrays meet the (N, C, H, W) world of other frameworks.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from minispp import layers
from minispp.net import Net

NET_FORMAT = "minispp net 1"
BUILDABLE = {name: getattr(layers, name) for name in ("Conv2D", "ReLU", "MaxPool", "LRN", "SPP", "Linear", "Dropout")}


def save(net, path):
    """Write a net to `path`, all or nothing.

    Raises
    ------
    ValueError
        If a layer is not one of the package's own, so that nobody could rebuild it from the file.
    """
    tensors = {param.name: net.ops.to_numpy(param.value) for param in net.params()}
    write_tensors(path, tensors, {"format": NET_FORMAT, "net": json.dumps(describe(net))})


def load(path):
    """The net that `save` wrote, on the reference backend.

    Raises
    ------
    ValueError
        If the file is missing, truncated, not a net of this package, or does not fit its own description.

    Examples
    --------
    >>> from minispp import zoo
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(zoo.small(classes=["cat", "dog"], levels=(2, 1)), f"{folder}/net.safetensors")
    ...     net = load(f"{folder}/net.safetensors")
    >>> net.classes, net.pool_layer
    (['cat', 'dog'], SPP(levels=((2, 2), (1, 1))))
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != NET_FORMAT:
        raise ValueError(f"{path}: expected a file of format {NET_FORMAT!r}, got {metadata.get('format')!r}")
    net = rebuild(metadata.get("net", ""), path)
    assign(net, tensors, path)
    return net


def load_into(net, path):
    """Give an existing net the weights of a file; if anything does not fit, nothing is changed."""
    tensors, _ = read_tensors(path)
    assign(net, tensors, path)


def assign(net, tensors, path):
    """Check that `tensors` are exactly the parameters of the net; then copy them in, in the net's float type."""
    params = {param.name: param for param in net.params()}
    missing, foreign = sorted(params.keys() - tensors.keys()), sorted(tensors.keys() - params.keys())
    if missing or foreign:
        raise ValueError(
            f"{path}: does not fit the net: missing {missing or 'nothing'}, not in the net {foreign or 'nothing'}"
        )
    for name, param in params.items():
        if tuple(tensors[name].shape) != tuple(param.value.shape):
            raise ValueError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, the net expects {tuple(param.value.shape)}"
            )
    for name, param in params.items():
        param.value = net.ops.asarray(np.array(tensors[name], param.value.dtype))  # a copy: the caller's stays his
        param.grad = None


# ---------------------------------------------------------------------------------------------------
# Architecture


def describe(net):
    """A net without its weights, as plain data."""
    for layer in net.layers:
        if BUILDABLE.get(type(layer).__name__) is not type(layer):
            raise ValueError(f"{layer.name}: a {type(layer).__name__} cannot be rebuilt from a file")

    def plain(layer):
        return {"kind": type(layer).__name__, **{name: getattr(layer, name) for name in layer.settings}}

    return {
        "trunk": [plain(layer) for layer in net.trunk],
        "pool": plain(net.pool_layer),
        "head": [plain(layer) for layer in net.head],
        "input_size": net.input_size,
        "classes": net.classes,
        "mean": net.mean,
        "std": net.std,
        "trained_at": net.trained_at,
        "dtype": net.dtype.name,
    }


def rebuild(text, path):
    """The net, with other weights, that `describe` described as the JSON `text` of the file `path`."""
    try:
        plan = json.loads(text)
        dtype = np.dtype(str(plan["dtype"]))
        if dtype.kind != "f":
            raise ValueError(f"{dtype} is not a float type")

        def build(entry):
            entry = dict(entry)
            kind = BUILDABLE[entry.pop("kind")]
            # Zeros, not draws: the weights are about to be replaced.
            extra = {"sigma": 0.0, "dtype": dtype} if kind in (layers.Conv2D, layers.Linear) else {}
            return kind(**entry, **extra)

        trunk, head = ([build(entry) for entry in plan[part]] for part in ("trunk", "head"))
        settings = {name: plan[name] for name in ("input_size", "classes", "mean", "std", "trained_at")}
        return Net(trunk, build(plan["pool"]), head, **settings)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path}: its description of the net cannot be read ({error})") from None


# ---------------------------------------------------------------------------------------------------
# Files


def write_tensors(path, tensors, metadata):
    """Write named arrays and a dict of text to a safetensors file, all or nothing.

    The text goes in as one entry, because safetensors writes several in any order: equal nets make equal files.
    """
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    write_atomically(path, serialise(tensors, {"minispp": json.dumps(metadata)}))


def read_tensors(path):
    """The named arrays and the dict of text of a safetensors file."""
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
            metadata = file.metadata() or {}
            metadata = json.loads(metadata["minispp"]) if "minispp" in metadata else metadata
            return tensors, metadata if isinstance(metadata, dict) else {}
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except (SafetensorError, OSError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a complete safetensors file ({error})") from None
    except (TypeError, AttributeError) as error:  # a type that NumPy lacks
        raise ValueError(f"{path}: not a complete safetensors file of NumPy's types ({error})") from None


def write_atomically(path, content):
    """Write bytes to a file so that at every moment it is the old one or the new one."""
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask():
    """The user's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---------------------------------------------------------------------------------------------------
# Other frameworks


def to_channels_first(net):
    """The weights as frameworks with (N, C, H, W) maps keep them.

    Convolutions become (D, C, kh, kw), fully connected layers (out, in). The first of these reads the pyramid, whose
    vector is there ordered by level, then channel, then bin: its inputs are reordered.

    Returns
    -------
    dict of str to array

    Examples
    --------
    >>> from minispp import zoo
    >>> arrays = to_channels_first(zoo.small(classes=5))
    >>> arrays["conv1.weight"].shape, arrays["fc5.weight"].shape
    ((24, 3, 5, 5), (256, 4800))
    """
    arrays = {}
    for layer, param, order in _with_input_order(net):
        value = net.ops.to_numpy(param.value)
        if isinstance(layer, layers.Conv2D) and value.ndim == 4:
            value = value.transpose(3, 2, 0, 1)
        elif isinstance(layer, layers.Linear) and value.ndim == 2:
            value = (value if order is None else value[order]).T
        arrays[param.name] = np.array(value, order="C")  # a copy: training the net must not change it
    return arrays


def from_channels_first(net, arrays):
    """Give a net the weights of a framework with (N, C, H, W) maps: the inverse of `to_channels_first`."""
    ours = {}
    for layer, param, order in _with_input_order(net):
        if param.name not in arrays:
            raise ValueError(f"from_channels_first: {param.name} is missing")
        value = np.asarray(arrays[param.name])
        if isinstance(layer, layers.Conv2D) and value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif isinstance(layer, layers.Linear) and value.ndim == 2:
            value = value.T
            if order is not None and len(value) == len(order):
                value = value[np.argsort(order)]
        ours[param.name] = value
    assign(net, ours, "from_channels_first")


def _with_input_order(net):
    """Each layer and parameter; with the first fully connected one, where its channels-first inputs lie in ours."""
    first = next((layer for layer in net.head if isinstance(layer, layers.Linear)), None)
    for layer in net.layers:
        for param in layer.params():
            yield layer, param, _vector_order(net.pool_layer, layer.in_features) if layer is first else None


def _vector_order(spp, length):
    """Position in our vector (bin, channel) of each entry of the channels-first one (level, channel, bin)."""
    ours = np.arange(length).reshape(spp.bins, -1)
    ends = np.cumsum([rows * columns for rows, columns in spp.levels])
    return np.concatenate([level.T.ravel() for level in np.split(ours, ends[:-1])])
