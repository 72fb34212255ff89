"""Published parameter counts and shapes, without allocating a weight."""

from __future__ import annotations

import math

import pytest

from graphlab.document.architectures import ARCHITECTURES, alexnet, resnet
from graphlab.document.examples import open_example
from graphlab.engine.graph import Graph
from graphlab.engine.plan import compile
from graphlab.engine.spec import show_shape

PUBLISHED = {
    "lenet5": 61_706, "alexnet": 62_378_344, "vgg16": 138_357_544, "vgg19": 143_667_240, "googlenet": 6_998_552,
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
}


def parameters(graph: Graph) -> int:
    plan = compile(graph)
    assert not plan.problems, plan.problems[0].message
    return sum(math.prod(plan.weights[k].shape) for k in plan.trainable())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_are_the_published_number(name: str) -> None:
    title, words, make = ARCHITECTURES[name]
    assert parameters(make()) == PUBLISHED[name]
    assert f"{PUBLISHED[name]:,}" in words
    assert title


@pytest.mark.parametrize(("name", "path", "shape"), [
    ("alexnet", "conv1", "(B, 96, 55, 55)"), ("alexnet", "pool3", "(B, 256, 6, 6)"),
    ("vgg16", "block5/block5_out", "(B, 512, 7, 7)"), ("resnet50", "stage4_3/stage4_3_out", "(B, 2048, 7, 7)"),
    ("googlenet", "inception3a/inception3a_concat1", "(B, 256, 28, 28)"), ("googlenet", "average1", "(B, 1024, 1, 1)"),
    ("mobilenet_v2", "inverted17/inverted17_out", "(B, 320, 7, 7)"),
])
def test_shapes_are_those_of_the_papers(name: str, path: str, shape: str) -> None:
    spec = compile(ARCHITECTURES[name][2]()).spec(path)
    assert spec is not None
    assert show_shape(spec.shape) == shape


def test_variants_keep_their_weights() -> None:
    assert parameters(alexnet(norm_before_pool=False)) == PUBLISHED["alexnet"]
    assert parameters(resnet(18, skips=False)) < PUBLISHED["resnet18"]


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if n != "lenet5"])
def test_each_opens_laid_out_by_its_name(name: str) -> None:
    document = open_example(name).document
    assert document.title == ARCHITECTURES[name][0]
    assert set(document.layout) >= set(document.graph.nodes)
    places = [(p.x, p.y) for path, p in document.layout.items() if "/" not in path]
    assert len(set(places)) == len(places), "cards do not lie on each other"
