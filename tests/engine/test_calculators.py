"""Calculators against numbers worked by hand and against a second route."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import graphlab.engine.calculators  # noqa: F401  (registers the calculators)
from graphlab.engine.calculators.base import CalcError, calculators


def results(name: str, **values: Any) -> dict[str, float]:
    working = calculators()[name](**values).work()
    assert working.lines
    for line in working.lines:
        assert line.what
        assert line.latex.count("{") == line.latex.count("}")
    return dict(working.results)


def lines_of(name: str, **values: Any) -> list[str]:
    return [line.latex for line in calculators()[name](**values).work().lines]


@pytest.mark.parametrize("name", calculators())
def test_every_calculator_works_as_it_opens(name: str) -> None:
    cls = calculators()[name]
    assert cls.sentence().endswith(".")
    assert cls.topic
    assert cls().formula()
    assert all(a.help for a in cls.attributes())
    assert all(math.isfinite(v) for v in results(name).values())


@pytest.mark.parametrize(("name", "values", "expected"), [
    ("ConvolutionShape", {"padding": "same"}, {"height": 32, "width": 32}),
    ("ConvolutionShape", {"padding": "valid"}, {"height": 30, "width": 30}),
    ("ConvolutionShape", {"size": (227, 227), "kernel": (11, 11), "stride": (4, 4)}, {"height": 55}),
    ("ConvolutionShape", {"size": (28, 20), "kernel": (5, 3), "stride": (1, 2)}, {"height": 24, "width": 9}),
    ("ConvolutionShape", {"size": (32, 32), "dilation": (2, 2)}, {"height": 28}),
    ("ConvolutionShape", {"size": (33, 32), "padding": "same", "stride": (2, 2)}, {"height": 17, "width": 16}),
    ("TransposedShape", {}, {"height": 14, "width": 14}),
    ("ConvolutionParameters", {}, {"weights": 819_200, "parameters": 819_456}),
    ("ConvolutionCost", {"kernel": 3, "channels_out": 128}, {"ratio": 1 / 128 + 1 / 9}),
    ("ReceptiveField", {"kernels": (3, 3)}, {"field": 5}),
    ("ReceptiveField", {"kernels": (3, 2, 3), "strides": (1, 2, 1)}, {"field": 8, "jump": 2}),
    ("Softmax", {"scores": (1.0, 1.0)}, {"p0": 0.5, "p1": 0.5}),
    ("Softmax", {"scores": (10000.0, 0.0)}, {"p0": 1.0, "class": 0}),
    ("OptimiserStep", {"method": "sgd"}, {"weight": 0.95}),
    ("OptimiserStep", {"method": "momentum: v ← αv − ηg", "velocity": -0.1}, {"velocity": -0.14, "weight": 0.86}),
    ("OptimiserStep", {"method": "momentum: v ← βv + g", "velocity": 1.0}, {"velocity": 1.4, "weight": 0.86}),
    ("OptimiserStep", {"method": "adagrad", "square": 0.75, "stabiliser": 0.0}, {"square": 1.0, "weight": 0.95}),
    ("OptimiserStep", {"method": "adam", "stabiliser": 0.0}, {"weight": 0.9}),
    ("InitialVariance", {"inputs": 4, "outputs": 2}, {"xavier": 1 / 3, "he": 0.5, "forward": 0.25, "limit": 1.0}),
    ("ClassificationMetrics", {}, {"accuracy": 0.94, "precision": 0.8, "recall": 8 / 12}),
    ("LeastSquares", {"x": (0.0, 1.0, 2.0), "y": (1.0, 3.0, 5.0)}, {"slope": 2.0, "intercept": 1.0}),
    ("QuadraticHessian", {"a": 1.0, "b": 0.0, "c": 5.0}, {"condition": 5.0, "determinant": 20.0, "x": 0.0, "y": 0.0}),
    ("ConditionNumber", {}, {"condition": 10.0}),
    ("BlockInverse", {}, {"h00": 0.6, "h01": -0.2, "h33": 0.2, "multiplications": 8.0, "dense": 16.0}),
    ("TfIdf", {"word": "the"}, {"idf": 0.0, "tfidf": 0.0}),
    ("TfIdf", {"texts": "a b | a c | a b | d", "word": "a"}, {"idf": math.log(4 / 3)}),
    ("CosineSimilarity", {"v": (1.0, 0.0), "w": (0.0, 3.0)}, {"cosine": 0.0}),
    ("CosineSimilarity", {"v": (1.0, 2.0), "w": (-2.0, -4.0)}, {"cosine": -1.0}),
    ("PositivePMI", {"counts": "1 1; 1 1"}, {"ppmi": 0.0}),
    ("PositivePMI", {"counts": "2 0; 0 2"}, {"ppmi": math.log(2)}),
    ("IntersectionOverUnion", {}, {"iou": 1 / 7}),
    ("IntersectionOverUnion", {"second": (0.0, 0.0, 2.0, 2.0)}, {"iou": 1.0}),
    ("IntersectionOverUnion", {"second": (5.0, 5.0, 6.0, 6.0)}, {"iou": 0.0}),
    ("RecurrentShapes", {"features": 3, "hidden": 2}, {"parameters": 4 * (6 + 4 + 2)}),
    ("AttentionShapes", {}, {"weights": 35.0, "macs": 1120.0}),
    ("CrossValidation", {"scores": (0.5, 1.0), "samples": 5}, {"mean": 0.75, "largest_fold": 3}),
    ("JensenGap", {}, {"inside": math.log(2.5), "outside": math.log(2)}),
])
def test_worked_numbers(name: str, values: dict[str, Any], expected: dict[str, float]) -> None:
    found = results(name, **values)
    assert {k: found[k] for k in expected} == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("name", "values", "said"), [
    ("ConvolutionShape", {"size": (4, 4), "kernel": (5, 5)}, "does not fit"),
    ("ConvolutionShape", {"stride": (0, 1)}, "at least 1"),
    ("Softmax", {"scores": ()}, "at least one"),
    ("OptimiserStep", {"method": "adagrad", "gradient": 0.0, "stabiliser": 0.0}, "divisor is 0"),
    ("LeastSquares", {"x": (1.0, 1.0), "y": (1.0, 2.0)}, "two different"),
    ("LeastSquares", {"x": (1.0,), "y": ()}, "1 and 0"),
    ("ConditionNumber", {"entries": "1 2; 3"}, "one length"),
    ("ConditionNumber", {"entries": "1 x"}, "row 1"),
    ("ConditionNumber", {"entries": "1 2; 3 4"}, "symmetric"),
    ("ConditionNumber", {"entries": "1 1; 1 1"}, "eigenvalue of 0"),
    ("BlockInverse", {"entries": "1 2; 2 4"}, "no inverse"),
    ("BlockInverse", {"entries": "1 0 1 0; 0 1 0 0; 0 0 1 0; 0 0 0 1"}, "row 1, column 3"),
    ("TfIdf", {"texts": "a | "}, "empty"),
    ("TfIdf", {"word": "zebra"}, "zebra"),
    ("TfIdf", {"document": 9}, "4 documents"),
    ("CosineSimilarity", {"v": (0.0, 0.0), "w": (1.0, 1.0)}, "first vector is all zero"),
    ("PositivePMI", {"counts": "0 0"}, "all zero"),
    ("IntersectionOverUnion", {"first": (2.0, 0.0, 1.0, 1.0)}, "right > left"),
    ("JensenGap", {"weights": (0.5, 0.6)}, "add up to 1.1"),
])
def test_bad_numbers_are_said_in_a_sentence(name: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(CalcError, match=said) as e:
        calculators()[name](**values).work()
    assert str(e.value).endswith(".")


def test_newtons_step_reaches_the_minimum_of_a_quadratic_and_names_a_saddle() -> None:
    assert any("saddle" in line for line in lines_of("QuadraticHessian", a=1.0, b=0.0, c=-1.0))
    assert any("flat" in line for line in lines_of("QuadraticHessian", a=1.0, b=2.0, c=1.0))


def test_adam_by_hand_equals_three_lines_of_numpy() -> None:
    found = results("OptimiserStep", weight=0.3, gradient=-1.7, velocity=0.2, square=0.4, update=5)
    v, a = 0.9 * 0.2 + 0.1 * -1.7, 0.999 * 0.4 + 0.001 * 1.7**2
    expected = 0.3 - 0.1 * (v / (1 - 0.9**5)) / (np.sqrt(a / (1 - 0.999**5)) + 1e-8)
    assert found["weight"] == pytest.approx(expected, rel=1e-12)
