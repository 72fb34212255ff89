"""Tables, splits, standardising, batches, and how columns reach the Inputs of a network."""

from __future__ import annotations

import numpy as np
import pytest

import graphlab.engine.ops  # noqa: F401  (registers the ops)
from graphlab.engine.data import (
    Column,
    DataError,
    DataSource,
    Split,
    Standardiser,
    Table,
    batches,
    classification,
    one_hot,
    sources,
)
from graphlab.engine.feeding import fitted, prepare
from graphlab.engine.graph import Net
from graphlab.engine.ops.likelihood import SoftmaxCrossEntropy
from graphlab.engine.ops.losses import MSE
from graphlab.engine.plan import Plan, compile
from graphlab.engine.record import Mode
from graphlab.engine.setup import Phase, Setup
from graphlab.engine.sources import XOR, Blobs, Circles, Moons, Regression1D, Spirals
from graphlab.engine.spec import Batch, Spec

DRAWN = [XOR(), Moons(), Circles(), Spirals(), Blobs(), Regression1D()]


@pytest.mark.parametrize("source", DRAWN, ids=lambda s: s.name())
def test_a_declaration_gives_one_table(source: DataSource) -> None:
    a, b = source.table(), type(source)().table()
    assert a.n == source.values()["n"]
    for name, column in a.columns.items():
        assert np.array_equal(column.values, b.columns[name].values)
        assert not column.values.flags.writeable
    other = source.replace(seed=1).table()
    assert not np.array_equal(a.columns["x"].values, other.columns["x"].values)
    assert source.replace(n=7).table().n == 7
    assert source.name() in sources() and source.sentence() and source.line()


@pytest.mark.parametrize("source", DRAWN[:-1], ids=lambda s: s.name())
def test_classes_are_balanced_and_named(source: DataSource) -> None:
    y = source.table().columns["y"]
    counts = np.bincount(y.values, minlength=len(y.classes))
    assert counts.max() - counts.min() <= 1 and len(counts) == len(y.classes)


def test_shapes_without_noise() -> None:
    x = XOR(n=4, noise=0.0).table()
    assert x.columns["x"].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert x.columns["y"].values.tolist() == [0, 1, 1, 0]
    circles = Circles(noise=0.0, factor=0.3).table()
    radius = np.linalg.norm(circles.columns["x"].values, axis=1)
    np.testing.assert_allclose(radius, np.where(circles.columns["y"].values == 0, 1.0, 0.3))
    for curve, want in (("line", 0.35), ("sine", np.sin(0.3 * np.pi)), ("cubic", 0.027 - 0.15), ("step", 1.0)):
        table = Regression1D(n=4000, noise=0.0, curve=curve).table()
        near = np.abs(table.columns["x"].values[:, 0] - 0.3).argmin()
        assert table.columns["y"].values[near, 0] == pytest.approx(want, abs=0.01)


def labelled(counts: list[int]) -> Table:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(y), dtype=float)[:, None]
    return classification(x, y, tuple(map(str, range(len(counts)))))


def test_a_split_is_a_partition_that_keeps_the_classes() -> None:
    table = labelled([100, 50, 10])
    rows = Split(validation=0.2, test=0.1).rows(table)
    assert [len(rows[k]) for k in ("train", "validation", "test")] == [112, 32, 16]
    assert sorted(np.concatenate(list(rows.values()))) == list(range(160))
    y = table.columns["y"].values
    assert np.abs(np.bincount(y[rows["validation"]]) - [20, 10, 2]).max() <= 1
    assert np.abs(np.bincount(y[rows["test"]]) - [10, 5, 1]).max() <= 1
    again = Split(validation=0.2, test=0.1).rows(table)
    assert all(np.array_equal(rows[k], again[k]) for k in rows)
    other = Split(validation=0.2, test=0.1, seed=1).rows(table)
    assert not np.array_equal(rows["validation"], other["validation"])
    assert (np.diff(rows["train"]) != 1).sum() > 50, "training samples come shuffled"


def test_a_split_without_strata_and_one_that_takes_too_much() -> None:
    rows = Split(validation=0.5, stratified=False).rows(labelled([100, 50]))
    assert [len(rows[k]) for k in ("train", "validation", "test")] == [75, 75, 0]
    assert Split(validation=0.6, test=0.4).problems() == [
        "validation and test may take 95 % of the samples together; they take 100%"]


def test_standardising_measures_training_rows_alone() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal([5.0, -3.0, 7.0], [2.0, 0.1, 0.0], (50, 3))
    table = Table({"x": Column(x), "t": Column(x.copy(), target=True), "i": Column(np.arange(50), "index")})
    rows = np.arange(20)
    standardiser = Standardiser.fit(table, rows)
    out = standardiser.apply(table)
    part = out.columns["x"].values[rows]
    np.testing.assert_allclose(part.mean(axis=0), [0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(part.std(axis=0), [1, 1, 0], atol=1e-12)
    assert abs(out.columns["x"].values[20:].mean(axis=0)[0]) > 0.01
    assert np.array_equal(out.columns["t"].values, x)
    np.testing.assert_allclose(standardiser.undo("x", out.columns["x"].values), x)


def test_one_hot() -> None:
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(DataError, match=r"lie in 0…2; one is 3"):
        one_hot(np.array([0, 3]), 3)


def test_batches_cover_an_epoch_once_in_an_order_of_their_own() -> None:
    parts = list(batches(10, 4, seed=3, epoch=0))
    assert [len(p) for p in parts] == [4, 4, 2]
    assert sorted(np.concatenate(parts)) == list(range(10))
    assert np.array_equal(np.concatenate(parts), np.concatenate(list(batches(10, 3, 3, 0))))
    assert not np.array_equal(np.concatenate(parts), np.concatenate(list(batches(10, 4, 3, 1))))
    assert not np.array_equal(np.concatenate(parts), np.concatenate(list(batches(10, 4, 4, 0))))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match="x: 3, y: 2"):
        Table({"x": Column(np.zeros(3)), "y": Column(np.zeros(2))})


def spec(*size: int, kind: str = "real") -> Spec:
    return Spec((Batch(), *size), kind)  # type: ignore[arg-type]


def test_a_column_takes_the_shape_of_its_input() -> None:
    picture = Column(np.arange(2 * 16.0).reshape(2, 4, 4))
    assert fitted(picture, spec(16)).shape == (2, 16)
    assert fitted(picture, spec(1, 4, 4)).dtype == np.float32
    labels = Column(np.array([1, 0, 2]), "index", ("a", "b", "c"), target=True)
    assert fitted(labels, spec(3)).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert fitted(labels, spec(1)).tolist() == [[1], [0], [2]]
    assert fitted(labels, spec(kind="index")).tolist() == [1, 0, 2]
    with pytest.raises(DataError, match=r"‘in’ takes \(5,\) a sample, but the column ‘col’ has \(4, 4\)"):
        fitted(picture, spec(5), ("col", "in"))
    with pytest.raises(DataError, match="or 3 for one-hot vectors"):
        fitted(labels, spec(4), ("y", "t"))
    with pytest.raises(DataError, match="set the Input's kind to real"):
        fitted(picture, spec(16, kind="index"), ("x", "i"))
    with pytest.raises(DataError, match=r"‘i’ takes \(2,\) a sample, but the column ‘y’ has \(\)"):
        fitted(labels, spec(2, kind="index"), ("y", "i"))


def classifier(inputs: int, kind: str = "index", *target: int) -> Plan:
    net = Net()
    x, t = net.input("x", inputs), net.input("t", *target, kind=kind)
    net.add("loss", SoftmaxCrossEntropy(), x, t)
    return compile(net.graph())


def test_inputs_find_their_columns() -> None:
    table = Blobs(clouds=2).table()
    index = prepare(classifier(2), table, Setup())
    assert dict(index.columns) == {"x": "x", "t": "y"} and not index.problems
    one_of_two = prepare(classifier(2, "real", 2), table, Setup())
    # Both columns would fit an Input of two numbers: the loss tells which is the target.
    assert dict(one_of_two.columns) == {"x": "x", "t": "y"}
    assert one_of_two.feeds(np.array([0, 399]))["t"].tolist() == [[1, 0], [0, 1]]
    assert index.labels("t") is not None and index.labels("x") is None
    wrong = prepare(classifier(3), table, Setup())
    assert "‘x’ takes (3,) a sample, but the column ‘x’ has (2,)" in wrong.problems["x"]


def test_numbers_that_are_made_up() -> None:
    net = Net()
    net.add("loss", MSE(), net.input("z", 3), net.input("one", 3))
    plan = compile(net.graph())
    setup = Setup(phases=(Phase(),), feed=(("z", "noise:normal"), ("one", "fill:0.9")))
    made = prepare(plan, Table(), setup)
    a, b = (made.feeds(np.arange(500), Mode(update=u)) for u in (0, 1))
    assert a["z"].shape == (500, 3) and np.abs(a["z"].mean()) < 0.1 and np.abs(a["z"].std() - 1) < 0.1
    assert not np.array_equal(a["z"], b["z"])
    assert np.array_equal(a["z"], made.draw("z", 500, Mode(update=0)))
    assert (a["one"] == np.float32(0.9)).all()
    uniform = prepare(plan, Table(), setup.replace(feed=(("z", "noise:uniform"), ("one", "fill:1"))))
    z = uniform.draw("z", 500, Mode())
    assert z.min() >= 0 and z.max() < 1 and abs(z.mean() - 0.5) < 0.05
    for source, said in (("fill:x", "needs a number"), ("q", "which the data do not have"), ("fill:inf", "needs a")):
        assert said in prepare(plan, Table(), setup.replace(feed=(("z", source),))).problems["z"]


def test_standardised_before_it_is_fed() -> None:
    table = Moons().table()
    made = prepare(classifier(2), table, Setup(standardise=True))
    train = made.feeds(made.rows["train"])["x"]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-6)


def test_a_setup_is_json_and_says_what_it_cannot_read() -> None:
    setup = Setup(data=Spirals(arms=3), feed=(("x", "x"),), phases=(Phase("a", (("loss", 2.0),), ("D/*",)),))
    assert Setup.from_plain(setup.plain()) == setup and hash(setup) == hash(setup.replace())
    assert not Setup().problems()
    for bad, said in (
        ({"batch": "many"}, "setup.batch has to be of the type int; it is 'many'"),
        ({"batch": True}, "setup.batch has to be of the type int"),
        ({"data": {"name": "Faces"}}, "no data source called 'Faces'; there are Blobs"),
        ({"speed": 1}, "setup has no attribute 'speed'"),
        ({"phases": {}}, "setup.phases has to be a list"),
        ({"phases": [{"losses": [["a"]]}]}, r"setup.phases\[0\].losses\[0\] has to be a list of 2; it has 1"),
        ({"split": 3}, "setup.split has to be an object"),
    ):
        with pytest.raises(DataError, match=said):
            Setup.from_plain(bad)
