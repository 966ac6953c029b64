"""The cases of each part. Shapes of convolutions come from the nets themselves, not from a list."""

from minispp import zoo
from minispp.bench.case import ONNX, OUR_FORWARD, RENEWED, TORCH_FIRST, Case
from minispp.layers import LRN, Conv2D

DETECTION = (8, 688, 917, 3)  # as in detection: shorter side 688, three by four
CLASSIFICATION = (8, 224, 224, 3)
PYRAMID = {"levels": (6, 3, 2, 1)}


def layer_cases(pictures=(CLASSIFICATION, DETECTION)):
    """Every convolution of zf5 and overfeat7, forward and backward, and zf5's first normalisation.

    Examples
    --------
    >>> cases = layer_cases([(8, 224, 224, 3)])
    >>> [case.name for case in cases if case.work == "forward"][1]
    'zf5 conv2: 5x5/2, 96->256, 8x55x55'
    """
    shapes = {}  # what makes convolutions identical -> the names of those that are
    for shape in pictures:
        for net in ("zf5", "overfeat7"):
            for layer, x_shape in _trunk(net, shape, Conv2D):
                key = (tuple((name, getattr(layer, name)) for name in layer.settings), x_shape)
                shapes.setdefault(key, {}).setdefault(net, []).append(layer.name)
    cases = []
    for (settings, x_shape), names in shapes.items():
        settings = dict(settings)
        first = x_shape[3] == 3
        called = ", ".join(f"{net} {' '.join(layers)}" for net, layers in names.items())
        name = f"{called}: {_convolution(settings)}, {_maps(x_shape)}"
        build = ("Conv2D", settings)
        cases += [
            Case(name, "convolution forward", "forward", build, x_shape, beside=(RENEWED,)),
            Case(
                name + (", dw and db only" if first else ""),
                "convolution backward",
                "backward",
                build,
                x_shape,
                needs_dx=not first,
            ),
        ]
    for shape in pictures:
        layer, x_shape = next(_trunk("zf5", shape, LRN))
        settings = {name: getattr(layer, name) for name in layer.settings}
        for work in ("forward", "backward"):
            name = f"zf5 {layer.name} {work}: {_maps(x_shape)}x{x_shape[3]}"
            cases.append(Case(name, "normalisation", work, ("LRN", settings), x_shape))
    return cases


def pool_cases(maps=((128, 13, 13, 256), (128, 10, 10, 256), (8, 42, 63, 256))):
    """The pyramid on whole maps, sliding maxima, and 2,000 windows of one map."""
    cases = []
    for work, group in (("forward", "pyramid forward"), ("both", "pyramid forward and backward")):
        for shape in maps:
            # PyTorch's usual layout counts here, in which its adaptive pooling is written; the other is shown.
            name = f"pyramid 6,3,2,1 {_work(work)}: {_maps(shape)}x{shape[3]}"
            exact = {"exact": True, "proof": "peer", "counted": (TORCH_FIRST,)}
            cases.append(Case(name, group, work, ("SPP", PYRAMID), shape, **exact))
    for work in ("forward", "both"):
        for shape in ((16, 110, 110, 96), (16, 26, 26, 256), (32, 32, 32, 32)):
            name = f"max pooling 3/2 {_work(work)}: {_maps(shape)}x{shape[3]}"
            build = ("MaxPool", {"kernel": 3, "stride": 2, "ceil_mode": True})
            # Winners are part of the work, on both sides.
            cases.append(Case(name, "max pooling", work, build, shape, exact=True, proof="peer", winners=True))
    build, shape = ("SPP", PYRAMID), (1, 43, 64, 256)
    common = {"windows": 2000, "exact": True}
    where = "2000 windows of 43x64x256, 50 bins"
    cases.append(Case(f"{where}, forward", "windows", "forward", build, shape, peers=(ONNX,), proof="peer", **common))
    beside = "windows, backward beside forward"
    cases.append(Case(f"{where}, backward", beside, "backward", build, shape, peers=(OUR_FORWARD,), **common))
    return cases


def step_cases(batch=16, sizes=(224, 180), classes=1000):
    """A training step of zf5 with its pyramid."""
    build = ("zf5", {"classes": classes})
    return [
        Case(f"zf5, batch {batch} at {size}", "training step", "step", build, (batch, size, size, 3), proof="peer")
        for size in sizes
    ]


def small_cases():
    """Training steps of the small net as in the demo and as on caltech20; and what one call of a layer costs."""
    recipes = [(16, 12, size) for size in (56, 48)] + [(24, 20, 96)]  # width, classes, side of the pictures
    cases = []
    for width, classes, size in recipes:
        for batch in (16, 32):
            build = ("small", {"classes": classes, "width": width})
            name = f"small, width {width}, batch {batch} at {size}"
            shape = (batch, size, size, 3)
            cases.append(Case(name, "training step, small", "step", build, shape, proof="peer", clip=5.0))
    cell, vector = (1, 1, 1, 8), (1, 8)
    calls = {
        "convolution 3x3": (("Conv2D", {"in_channels": 8, "out_channels": 8, "kernel": 3, "pad": 1}), cell),
        "relu": (("ReLU", {}), cell),
        "normalisation": (("LRN", {"size": 3, "alpha": 5e-5, "beta": 0.75}), cell),
        "max pooling 3/2": (("MaxPool", {"kernel": 3, "stride": 2, "pad": 1}), cell),
        "pyramid 6,3,2,1": (("SPP", PYRAMID), cell),
        "fully connected": (("Linear", {"in_features": 8, "out_features": 8}), vector),
        "dropout": (("Dropout", {"rate": 0.5}), vector),
    }
    for name, (build, shape) in calls.items():
        for work in ("forward", "backward"):
            cases.append(Case(f"{name} {work}", "one layer call on one cell", work, build, shape))
    return cases


PARTS = {"layers": layer_cases, "pool": pool_cases, "step": step_cases, "small": small_cases}


def convolutions(nets, shape):
    """Each convolution of the nets for such pictures: its name, the layer, and the shape of its input.

    Examples
    --------
    >>> [(name, shape) for name, _, shape in convolutions(("zf5",), (2, 224, 224, 3))][2]
    ('zf5 conv3: 3x3, 256->384, 2x13x13', (2, 13, 13, 256))
    """
    for net in nets:
        for layer, x_shape in _trunk(net, shape, Conv2D):
            settings = {name: getattr(layer, name) for name in layer.settings}
            yield f"{net} {layer.name}: {_convolution(settings)}, {_maps(x_shape)}", layer, x_shape


def _trunk(name, shape, kind):
    """The layers of this kind in the trunk of a net, each with the shape of its input for such pictures."""
    for layer in getattr(zoo, name)(classes=1, levels=(1,)).trunk:
        if isinstance(layer, kind):
            yield layer, tuple(shape)
        shape = layer.output_shape(shape)


def _convolution(settings):
    stride = f"/{settings['stride']}" if settings["stride"] > 1 else ""
    return f"{settings['kernel']}x{settings['kernel']}{stride}, {settings['in_channels']}->{settings['out_channels']}"


def _maps(shape):
    return "x".join(map(str, shape[:3]))


def _work(work):
    return "with backward" if work == "both" else "forward"
