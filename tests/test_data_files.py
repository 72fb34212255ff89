"""The data sets that come with GraphLab, against published facts about them."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from graphlab.resources import resource


def test_digits_are_the_test_set_of_the_repository() -> None:
    with np.load(resource("data/digits.npz"), allow_pickle=False) as digits:
        images, labels = digits["images"], digits["labels"]
    assert images.shape == (1797, 8, 8)
    assert images.dtype == labels.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 16)
    # The class counts that the repository publishes for optdigits.tes.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


@pytest.mark.parametrize(
    ("name", "features", "counts", "first_mean"),
    [
        ("iris", 4, {"setosa": 50, "versicolor": 50, "virginica": 50}, 5.843333),
        ("wine", 13, {"cultivar 1": 59, "cultivar 2": 71, "cultivar 3": 48}, 13.000618),
    ],
)
def test_a_table_has_its_published_counts(
    name: str, features: int, counts: dict[str, int], first_mean: float
) -> None:
    with resource(f"data/{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert len(header) == features + 1
    values = np.array([[float(cell) for cell in row[:-1]] for row in rows])
    assert values.shape == (sum(counts.values()), features)
    assert {label: [row[-1] for row in rows].count(label) for label in counts} == counts
    assert values[:, 0].mean() == pytest.approx(first_mean, abs=1e-5)


def test_iris_has_the_values_of_the_paper_in_the_two_flowers_that_differ() -> None:
    lines = resource("data/iris.csv").read_text(encoding="utf-8").splitlines()
    assert lines[35] == "4.9,3.1,1.5,0.2,setosa"
    assert lines[38] == "4.9,3.6,1.4,0.1,setosa"


def test_the_data_stay_small_and_each_states_its_licence() -> None:
    files = [path for path in resource("data").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 75_000
    licences = resource("data/LICENSES.md").read_text(encoding="utf-8")
    for path in files:
        assert path.suffix == ".md" or f"## {path.name}" in licences
