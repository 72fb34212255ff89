"""The networks of the examples about boxes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphlab.engine.graph import Constant, Net, Parameter, Source
from graphlab.engine.ops.activations import ReLU
from graphlab.engine.ops.convolution import Conv2D
from graphlab.engine.ops.detection import NMS, IoU
from graphlab.engine.ops.maths import Add
from graphlab.engine.ops.normalise import BatchNorm
from graphlab.engine.ops.pooling import MaxPool
from graphlab.engine.ops.reductions import Sum
from graphlab.engine.ops.shape import Transpose
from graphlab.engine.ops.yolo import YoloBoxes, YoloCells
from graphlab.engine.ops.yolo_loss import YoloLoss
from graphlab.engine.optim import SGD
from graphlab.engine.schedule import Cosine
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.shapes import DrawnShapes
from tools.example_nets import Draft, adam

TEXTS: Mapping[str, str] = {
    "detector":
        "24×24 pixels, 6×6 cells; each cell says [p_c, b_x, b_y, b_w, b_h, square, circle, triangle]. A few seconds of "
        "training are enough for boxes that fit. Open the lens NMS theatre before: it follows, from 36 boxes that "
        "know nothing to one for each shape, and the lens YOLO grid shows what a cell is asked for and what it says.",
    "boxes-climb":
        "No data and no layers: the boxes themselves are trained, upwards on the gradient of their IoU with an "
        "object. Four of them touch it and end up on it; suppression keeps five boxes at first, and ever fewer as they "
        "meet. The fifth is apart: its IoU is 0 and so is its gradient, so it never moves. Later losses, such as the "
        "generalised IoU, add a term that pulls such boxes closer.",
}

#: Boxes that start around one object, and one that does not touch it: (left, top, right, bottom).
START = np.array([[[2, 3, 11, 12], [6, 8, 18, 19], [11, 4, 21, 13], [4, 12, 13, 22], [17, 17, 23, 23.0]]])
OBJECT = (8.0, 7.0, 17.0, 16.0)


def detector() -> Draft:
    """Return three convolutions that answer for 6×6 cells, with their boxes and what suppression keeps of them."""
    net = Net()
    h = net.input("picture", 1, 24, 24)
    for i, filters in enumerate((16, 32, 48), 1):
        h = net.add(f"conv{i}", Conv2D(filters=filters, kernel=(3,), padding="same", bias=False), h)
        h = net.add(f"relu{i}", ReLU(), net.add(f"bn{i}", BatchNorm(), h))
        if i < 3:
            h = net.add(f"pool{i}", MaxPool(), h)
    h = net.add("head", Conv2D(filters=8, kernel=(1,)), h)
    cells = net.add("cells", YoloCells(), net.add("channels_last", Transpose(axes=(0, 2, 3, 1)), h))
    net.add("loss", YoloLoss(), cells, net.input("target", 6, 6, 8))
    boxes = net.add("boxes", YoloBoxes(size=(24, 24)), cells)
    net.add("nms", NMS(most=6, score=0.5, overlap=0.4, per_class=True), boxes, Source("boxes", "scores"),
            Source("boxes", "kind"))
    return Draft(net.graph(), Setup(data=DrawnShapes(), phases=adam(0.005), schedule=Cosine(), batch=32, epochs=25))


def boxes() -> Draft:
    """Return boxes that are trained themselves: each climbs the IoU with one object, and suppression counts them."""
    net = Net()
    first = net.add("first", Constant(size=START.shape, numbers=tuple(START.ravel().tolist())))
    free = net.add("boxes", Add(), first, net.add("moved", Parameter(size=START.shape, init="zeros")))
    target = net.add("object", Constant(size=(1, 1, 4), numbers=OBJECT))
    net.add("score", Sum(), net.add("overlap", IoU(), free, target))
    p = net.add("p_c", Constant(size=START.shape[:2], numbers=(0.7, 0.9, 0.8, 0.75, 0.85)))
    net.add("nms", NMS(most=5, score=0.5, overlap=0.5), free, p)
    phase = Phase(name="climb", losses=(("score", 1.0),), optimiser=SGD(rate=2.0), ascend=True)
    return Draft(net.graph(), Setup(phases=(phase,), batch=1, epochs=100))
