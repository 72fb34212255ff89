"""The well-known architectures, written down layer by layer as their papers have them.

Each function returns a graph with an Input and a head of raw scores. Blocks are groups; their inner ids are
unique over the whole network. Nothing is allocated: a graph holds no weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphlab.engine.graph import Graph, Net, Source
from graphlab.engine.loop import Block
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.convolution import Conv2D, DepthwiseConv
from graphlab.engine.ops.joining import Concat
from graphlab.engine.ops.layers import Linear
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.normalise import LRN, BatchNorm
from graphlab.engine.ops.pooling import AvgPool, GlobalAvgPool, MaxPool
from graphlab.engine.ops.rectifiers import ReLU6
from graphlab.engine.ops.regularise import Dropout
from graphlab.engine.ops.shape import Flatten


class _Writer(Net):
    """A `Net` whose layers number themselves and that groups what a block adds."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix
        self.count: dict[str, int] = {}

    def put(self, kind: str, op: Any, *args: Source) -> Source:
        """Add an op under the next free name of its kind."""
        self.count[kind] = self.count.get(kind, 0) + 1
        return self.add(f"{self.prefix}{kind}{self.count[kind]}", op, *args)

    def conv(self, x: Source, filters: int, kernel: int, stride: int = 1, pad: int = 0, bias: bool = True) -> Source:
        """Add a convolution with square kernels; ``pad`` pixels on each side."""
        how: dict[str, Any] = {"padding": "pixels", "pixels": (pad,)} if pad else {}
        return self.put("conv", Conv2D(filters=filters, kernel=(kernel,), stride=(stride,), bias=bias, **how), x)

    def relu(self, x: Source) -> Source:
        """Add a ReLU."""
        return self.put("relu", ReLU(), x)

    def norm(self, x: Source) -> Source:
        """Add a BatchNorm."""
        return self.put("norm", BatchNorm(), x)

    def pool(self, x: Source, kernel: int, stride: int, pad: int = 0) -> Source:
        """Add a max pooling."""
        how: dict[str, Any] = {"padding": "pixels", "pixels": (pad,)} if pad else {}
        return self.put("pool", MaxPool(kernel=(kernel,), stride=(stride,), **how), x)

    def block(self, id: str, x: Source, inside: Callable[[_Writer, Source], Source]) -> Source:
        """Add a group of one input and one output, written by ``inside``."""
        inner = _Writer(f"{self.prefix}{id}_")
        y = inside(inner, inner.input(f"{self.prefix}{id}_in"))
        inner.output(f"{self.prefix}{id}_out", y)
        return self.add(f"{self.prefix}{id}", Block(graph=inner.graph()), x)


def lenet5() -> Graph:
    """LeNet-5 on 28×28 digits, padded to 32×32, with all feature maps connected: 61,706 parameters."""
    net = _Writer()
    x = net.input("image", 1, 28, 28)
    x = net.pool(net.relu(net.conv(x, 6, 5, pad=2)), 2, 2)
    x = net.pool(net.relu(net.conv(x, 16, 5)), 2, 2)
    x = net.put("flatten", Flatten(), x)
    for features in (120, 84):
        x = net.relu(net.put("fc", Linear(features=features), x))
    net.output("scores", net.put("fc", Linear(features=10), x))
    return net.graph()


def alexnet(norm_before_pool: bool = True) -> Graph:
    """AlexNet in one tower on 227×227: 62,378,344 parameters. Krizhevsky et al. 2012.

    The paper normalises before pooling; some lectures and frameworks pool first.
    """
    net = _Writer()
    x = net.input("image", 3, 227, 227)
    for filters, kernel, stride, pad in ((96, 11, 4, 0), (256, 5, 1, 2)):
        x = net.relu(net.conv(x, filters, kernel, stride, pad))
        if norm_before_pool:
            x = net.pool(net.put("lrn", LRN(), x), 3, 2)
        else:
            x = net.put("lrn", LRN(), net.pool(x, 3, 2))
    for filters in (384, 384, 256):
        x = net.relu(net.conv(x, filters, 3, pad=1))
    x = net.put("flatten", Flatten(), net.pool(x, 3, 2))
    for _ in range(2):
        x = net.put("dropout", Dropout(p=0.5), net.relu(net.put("fc", Linear(features=4096), x)))
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


def vgg(depth: int = 16) -> Graph:
    """VGG-16 or VGG-19 on 224×224: 138,357,544 or 143,667,240 parameters. Simonyan & Zisserman 2015."""
    each = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
    net = _Writer()
    x = net.input("image", 3, 224, 224)

    def stage(filters: int, count: int) -> Callable[[_Writer, Source], Source]:
        def inside(w: _Writer, y: Source) -> Source:
            for _ in range(count):
                y = w.relu(w.conv(y, filters, 3, pad=1))
            return w.pool(y, 2, 2)
        return inside

    for i, (filters, count) in enumerate(zip((64, 128, 256, 512, 512), each, strict=True), 1):
        x = net.block(f"block{i}", x, stage(filters, count))
    x = net.put("flatten", Flatten(), x)
    for _ in range(2):
        x = net.put("dropout", Dropout(p=0.5), net.relu(net.put("fc", Linear(features=4096), x)))
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


#: depth → blocks of each stage, and whether a block is a bottleneck of 1×1, 3×3, 1×1
_RESNETS = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}


def resnet(depth: int = 18, skips: bool = True) -> Graph:
    """ResNet-18, -34 or -50 on 224×224: 11,689,512, 21,797,672 or 25,557,032 parameters. He et al. 2016.

    In the deep ones the 3×3 convolution has the stride. Without ``skips`` it is the plain network of the same layers.
    """
    stages, bottleneck = _RESNETS[depth]
    net = _Writer()
    x = net.input("image", 3, 224, 224)
    x = net.pool(net.relu(net.norm(net.conv(x, 64, 7, 2, 3, bias=False))), 3, 2, 1)
    have = 64
    for s, count in enumerate(stages):
        width = 64 * 2**s
        out = width * 4 if bottleneck else width
        for b in range(count):
            stride = 2 if b == 0 and s > 0 else 1
            shapes = [(width, 1, 1, 0), (width, 3, stride, 1), (out, 1, 1, 0)] if bottleneck else [
                (width, 3, stride, 1), (out, 3, 1, 1)]
            project = have != out or stride > 1
            x = net.block(f"stage{s + 1}_{b + 1}", x, _residual(shapes, (out, stride) if project else None, skips))
            have = out
    x = net.put("average", GlobalAvgPool(), x)
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


def _residual(
    shapes: list[tuple[int, int, int, int]], project: tuple[int, int] | None, skip: bool,
) -> Callable[[_Writer, Source], Source]:
    def inside(w: _Writer, x: Source) -> Source:
        y = x
        for i, (filters, kernel, stride, pad) in enumerate(shapes):
            y = w.norm(w.conv(y, filters, kernel, stride, pad, bias=False))
            if i + 1 < len(shapes):
                y = w.relu(y)
        if skip:
            if project:
                x = w.norm(w.conv(x, project[0], 1, project[1], bias=False))
            y = w.put("add", Add(), y, x)
        return w.relu(y)
    return inside


def mobilenet_v1() -> Graph:
    """MobileNet-v1 on 224×224, depthwise-separable: 4,231,976 parameters. Howard et al. 2017."""
    net = _Writer()
    x = net.input("image", 3, 224, 224)
    x = net.relu(net.norm(net.conv(x, 32, 3, 2, 1, bias=False)))

    def separable(filters: int, stride: int) -> Callable[[_Writer, Source], Source]:
        def inside(w: _Writer, y: Source) -> Source:
            y = w.relu(w.norm(_depthwise(w, y, stride)))
            return w.relu(w.norm(w.conv(y, filters, 1, bias=False)))
        return inside

    plan = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
    for i, (filters, stride) in enumerate(plan, 1):
        x = net.block(f"separable{i}", x, separable(filters, stride))
    x = net.put("average", GlobalAvgPool(), x)
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


def _depthwise(w: _Writer, x: Source, stride: int) -> Source:
    op = DepthwiseConv(kernel=(3,), stride=(stride,), padding="pixels", pixels=(1,), bias=False)
    return w.put("depthwise", op, x)


def mobilenet_v2() -> Graph:
    """MobileNet-v2 on 224×224, inverted residuals: 3,504,872 parameters. Sandler et al. 2018.

    Expand by a 1×1, filter each channel by a 3×3, squeeze by a linear 1×1; the skip joins the narrow ends where the
    stride is 1 and the channels match.
    """
    net = _Writer()
    x = net.input("image", 3, 224, 224)
    x = net.put("relu", ReLU6(), net.norm(net.conv(x, 32, 3, 2, 1, bias=False)))
    have, number = 32, 0

    def inverted(have: int, filters: int, stride: int, expand: int) -> Callable[[_Writer, Source], Source]:
        def inside(w: _Writer, x: Source) -> Source:
            y = x
            if expand > 1:
                y = w.put("relu", ReLU6(), w.norm(w.conv(y, have * expand, 1, bias=False)))
            y = w.put("relu", ReLU6(), w.norm(_depthwise(w, y, stride)))
            y = w.norm(w.conv(y, filters, 1, bias=False))
            return w.put("add", Add(), y, x) if stride == 1 and have == filters else y
        return inside

    for expand, filters, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            number += 1
            x = net.block(f"inverted{number}", x, inverted(have, filters, stride if i == 0 else 1, expand))
            have = filters
    x = net.put("relu", ReLU6(), net.norm(net.conv(x, 1280, 1, bias=False)))
    x = net.put("dropout", Dropout(p=0.2), net.put("average", GlobalAvgPool(), x))
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


def inception(w: _Writer, x: Source, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int) -> Source:
    """Write four branches side by side: 1×1, 3×3 and 5×5 behind a narrow 1×1, and a pooling; joined by channels."""
    a = w.relu(w.conv(x, one, 1))
    b = w.relu(w.conv(w.relu(w.conv(x, three[0], 1)), three[1], 3, pad=1))
    c = w.relu(w.conv(w.relu(w.conv(x, five[0], 1)), five[1], 5, pad=2))
    d = w.relu(w.conv(w.pool(x, 3, 1, 1), pooled, 1))
    return w.put("concat", Concat(count=4, axis=1), a, b, c, d)


def googlenet() -> Graph:
    """GoogLeNet on 224×224 with biases and 5×5 branches, without auxiliary heads: 6,998,552 parameters.

    Szegedy et al. 2015, table 1.
    """
    net = _Writer()
    x = net.input("image", 3, 224, 224)
    x = net.put("lrn", LRN(), net.pool(net.relu(net.conv(x, 64, 7, 2, 3)), 3, 2, 1))
    x = net.relu(net.conv(net.relu(net.conv(x, 64, 1)), 192, 3, pad=1))
    x = net.pool(net.put("lrn", LRN(), x), 3, 2, 1)
    table: dict[str, tuple[int, tuple[int, int], tuple[int, int], int]] = {
        "3a": (64, (96, 128), (16, 32), 32), "3b": (128, (128, 192), (32, 96), 64),
        "4a": (192, (96, 208), (16, 48), 64), "4b": (160, (112, 224), (24, 64), 64),
        "4c": (128, (128, 256), (24, 64), 64), "4d": (112, (144, 288), (32, 64), 64),
        "4e": (256, (160, 320), (32, 128), 128), "5a": (256, (160, 320), (32, 128), 128),
        "5b": (384, (192, 384), (48, 128), 128)}
    for name, widths in table.items():
        def inside(w: _Writer, y: Source, widths: tuple[int, tuple[int, int], tuple[int, int], int] = widths) -> Source:
            return inception(w, y, *widths)
        x = net.block(f"inception{name}", x, inside)
        if name in ("3b", "4e"):
            x = net.pool(x, 3, 2, 1)
    x = net.put("flatten", Flatten(), net.put("average", AvgPool(kernel=(7,), stride=(1,)), x))
    x = net.put("dropout", Dropout(p=0.4), x)
    net.output("scores", net.put("fc", Linear(features=1000), x))
    return net.graph()


#: name → (title, what to look at, how it is made)
ARCHITECTURES: dict[str, tuple[str, str, Callable[[], Graph]]] = {
    "lenet5": ("LeNet-5", "61,706 parameters: convolution, pooling, three dense layers.", lenet5),
    "alexnet": ("AlexNet", "62,378,344 parameters, most of them in the first dense layer.", alexnet),
    "vgg16": ("VGG-16", "138,357,544 parameters from 3×3 convolutions alone.", lambda: vgg(16)),
    "vgg19": ("VGG-19", "143,667,240 parameters: three stages have one convolution more.", lambda: vgg(19)),
    "googlenet": ("GoogLeNet", "6,998,552 parameters: four branches behind narrow 1×1 convolutions.", googlenet),
    "resnet18": ("ResNet-18", "11,689,512 parameters: every block adds what came in.", lambda: resnet(18)),
    "resnet34": ("ResNet-34", "21,797,672 parameters: the same blocks, more of them.", lambda: resnet(34)),
    "resnet50": ("ResNet-50", "25,557,032 parameters: bottlenecks of 1×1, 3×3, 1×1.", lambda: resnet(50)),
    "mobilenet_v1": ("MobileNet-v1", "4,231,976 parameters: depthwise-separable convolutions.", mobilenet_v1),
    "mobilenet_v2": ("MobileNet-v2", "3,504,872 parameters: inverted residuals with a linear squeeze.", mobilenet_v2),
}
