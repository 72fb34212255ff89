"""Tables that people have on their disks, and what is said where they cannot be read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graphlab.document import npz, readers
from graphlab.document.datasets import CSV, NPZ, Digits, Iris, Wine, load_data, load_table
from graphlab.document.npz import read_npz
from graphlab.document.readers import read_csv
from graphlab.engine.data import DataError, Table, sources
from graphlab.engine.setup import Setup


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refused(folder: Path, text: str, **choices: str) -> str:
    with pytest.raises(DataError) as e:
        read_csv(write(folder, text), **choices)
    return str(e.value)


def x(table: Table) -> list[list[float]]:
    return [[float(v) for v in row] for row in table.columns["x"].values]


def test_the_sets_that_come_along() -> None:
    digits, iris, wine = (load_table(s) for s in (Digits(), Iris(), Wine()))
    assert digits.columns["x"].values.shape == (1797, 8, 8)
    assert (digits.columns["x"].values.min(), digits.columns["x"].values.max()) == (0.0, 1.0)
    assert digits.columns["y"].classes == tuple("0123456789")
    assert iris.columns["x"].size == (4,) and iris.columns["y"].classes == ("setosa", "versicolor", "virginica")
    assert wine.columns["x"].size == (13,) and wine.columns["x"].features[0] == "alcohol"
    assert np.bincount(wine.columns["y"].values).tolist() == [59, 71, 48]
    assert {"Digits", "Iris", "Wine", "CSV", "NPZ", "Moons"} <= set(sources())


def test_loaded_data_say_who_trains_on_what() -> None:
    data = load_data(Setup(data=Wine(), standardise=True))
    assert len(data) == 178 and data.classes == ("cultivar 1", "cultivar 2", "cultivar 3")
    assert {name: len(rows) for name, rows in data.rows.items()} == {"train": 142, "validation": 36, "test": 0}
    assert [data.part(int(data.rows[name][0])) for name in ("train", "validation")] == ["train", "validation"]
    assert data.labels is not None and data.labels[0] == 0
    train = data.scaled.columns["x"].values[data.rows["train"]]
    np.testing.assert_allclose(train.std(axis=0), 1)
    np.testing.assert_allclose(data.standardiser.undo("x", train), data.table.columns["x"].values[data.rows["train"]])


def test_a_setup_with_a_file_survives_json(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n3,4\n")
    setup = Setup(data=CSV(path=str(path), target="a", kind="number"))
    assert Setup.from_plain(setup.plain()) == setup
    assert x(load_data(setup).table) == [[2.0], [4.0]]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    source = CSV(path=str(write(tmp_path, "a,b\n1,2.5\n")))
    assert x(load_table(source)) == [[1.0]]
    path = write(tmp_path, "a,b\n7,2.5\n")
    os.utime(path, ns=(1, 1))
    assert x(load_table(source)) == [[7.0]]


def test_commas_with_header(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "a,b,kind\n1,2.5,cat\n-3,4e1,dog\n5,6,cat\n"))
    assert x(table) == [[1.0, 2.5], [-3.0, 40.0], [5.0, 6.0]]
    assert table.columns["x"].features == ("a", "b")
    assert table.columns["y"].classes == ("cat", "dog")
    assert table.columns["y"].values.tolist() == [0, 1, 0]
    assert table.target == "y"


@pytest.mark.parametrize(("separator", "decimal"), [
    (";", ","), ("\t", ","), (";", "."), ("\t", "."), ("|", "."), (",", ".")])
def test_separator_and_decimal_sign_are_found(tmp_path: Path, separator: str, decimal: str) -> None:
    rows = [["a", "b", "c"], *([f"{i}.5", f"-0.{i}", f"{i}.25"] for i in range(1, 30))]
    text = "\r\n".join(separator.join(row) for row in rows).replace(".", decimal)
    table = read_csv(write(tmp_path, text))
    assert x(table)[1] == [2.5, -0.2]
    assert table.columns["y"].values[1].tolist() == [2.25]
    assert table.columns["y"].kind == "real" and table.columns["y"].features == ("c",)


def test_no_header_and_a_target_by_number_or_name(tmp_path: Path) -> None:
    path = write(tmp_path, "0,1.5,2\n1,2.5,3\n0,3.5,4\n")
    table = read_csv(path, "1")
    assert table.columns["y"].classes == ("0", "1") and x(table)[2] == [3.5, 4.0]
    assert table.columns["x"].features == ("column 2", "column 3")
    assert read_csv(path, "column 2").columns["y"].values[:, 0].tolist() == [1.5, 2.5, 3.5]


def test_a_header_over_text_alone(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "colour,fruit\nred,apple\nyellow,lemon\nred,cherry\n"))
    assert table.columns["x"].features == ("colour = red", "colour = yellow")
    assert x(table) == [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    assert table.columns["y"].classes == ("apple", "cherry", "lemon")


def test_quotes_blank_lines_and_windows_text(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, '"größe, cm";art\n\n1;"a;b"\n2;"c\nd"\n\n', "cp1252"))
    assert table.columns["x"].features == ("größe, cm",)
    assert table.columns["y"].classes == ("a;b", "c\nd")
    assert read_csv(write(tmp_path, "a,b\n1,u\n2,v\n", "utf-8-sig")).columns["x"].features == ("a",)


def test_whole_numbers_are_classes_only_where_they_are_few(tmp_path: Path) -> None:
    few = "a,y\n" + "".join(f"{i}.5,{i % 3 + 8}\n" for i in range(30))
    assert read_csv(write(tmp_path, few)).columns["y"].classes == ("8", "9", "10")
    assert read_csv(write(tmp_path, few), kind="number").columns["y"].kind == "real"
    many = "a,y\n" + "".join(f"{i}.5,{i}\n" for i in range(30))
    assert read_csv(write(tmp_path, many)).columns["y"].kind == "real"
    assert len(read_csv(write(tmp_path, many), kind="classes").columns["y"].classes) == 30


GAPS = "a,b,y\n1,,u\n2,4.5,v\n?,6.5,u\n3,1,NA\n"


def test_missing_values_are_named(tmp_path: Path) -> None:
    said = refused(tmp_path, GAPS)
    assert "‘b’ has no value in line 2" in said and "2 other columns" in said
    assert "in lines 2, 3, 4, 5, 6 and 3 more" in refused(tmp_path, "a,y\n" + ",u\n" * 8 + "1,v\n")


def test_missing_values_left_out_or_filled(tmp_path: Path) -> None:
    path = write(tmp_path, GAPS)
    assert x(read_csv(path, missing="leave out")) == [[2.0, 4.5]]
    filled = read_csv(path, missing="mean")
    # The line without a target is gone before the means are taken.
    assert x(filled) == [[1.0, 5.5], [2.0, 4.5], [1.5, 6.5]]
    assert filled.columns["y"].classes == ("u", "v")
    assert "leaves nothing" in refused(tmp_path, "a,y\n,u\n,v\n", missing="leave out")


def test_mistakes_are_sentences_with_lines(tmp_path: Path) -> None:
    assert "line 3 has 3 cells, but line 1 has 2" in refused(tmp_path, "a,b\n1,2\n1,2,3\n4,5\n")
    assert "line 4, column ‘a’: ‘4o’ is no number, but 3 of the column's 4 cells are" in refused(
        tmp_path, "a,b\n1,2\n2,2\n4o,2\n5,2\n")
    assert "‘1e999’ is no number" in refused(tmp_path, "a,b\n1,2\n2,2\n1e999,2\n")
    assert "no column ‘z’; it has a, b" in refused(tmp_path, "a,b\n1,2\n", target="z")
    assert "two columns are called ‘a’" in refused(tmp_path, "a,a\n1,2\n")
    assert "is empty" in refused(tmp_path, " \n\n")
    assert "no samples" in refused(tmp_path, "a,b\n")
    assert "choose classes instead" in refused(tmp_path, "a,b\n1,u\n2,v\n", kind="number")
    assert "is no text" in refused(tmp_path, "PK\0\0")
    names = "".join(f"{i}.5,n{i}\n" for i in range(1200))
    assert "1,200 different texts" in refused(tmp_path, "a,y\n" + names)
    with pytest.raises(DataError, match="none is chosen"):
        load_table(CSV())
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_table(CSV(path=str(tmp_path / "nothing.csv")))
    with pytest.raises(DataError, match="missing must be one of"):
        load_table(CSV(path="x", missing="guess"))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_CELLS", 5)
    assert "more than 5 cells" in refused(tmp_path, "a,b\n1,2\n3,4\n")
    monkeypatch.setattr(readers, "MAX_FILE", 3)
    assert "a CSV file may have" in refused(tmp_path, "a,b\n1,2\n")
    monkeypatch.setattr(npz, "MAX_FILE", 3)
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(DataError, match="npz file may have"):
        read_npz(tmp_path / "a.npz")


def test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (6, 3, 3), dtype=np.uint8)
    np.savez_compressed(path, images=pictures, labels=np.array([[0], [2], [1], [0], [1], [2]], np.uint8),
                        weight=rng.random(6), token=np.arange(6), other=np.zeros((2, 2)))
    table = load_table(NPZ(path=str(path)))
    assert set(table.columns) == {"x", "y", "weight", "token"}
    assert np.array_equal(table.columns["x"].values, pictures) and table.columns["x"].kind == "real"
    assert table.columns["y"].classes == ("0", "1", "2") and table.columns["y"].values.shape == (6,)
    assert table.columns["token"].kind == "index"
    chosen = read_npz(path, features="weight", target="images")
    assert chosen.columns["x"].size == () and chosen.columns["y"].size == (3, 3)
    assert chosen.columns["y"].kind == "real" and chosen.target == "y"


def test_arrays_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"

    def said(**arrays: object) -> str:
        np.savez(path, **arrays)  # type: ignore[arg-type]
        with pytest.raises(DataError) as e:
            read_npz(path)
        return str(e.value)

    assert "‘x’ has 3 samples, but ‘y’ has 2" in said(x=np.zeros(3), y=np.zeros(2))
    assert "holds NaN or inf, first in sample 1" in said(x=np.array([0.0, np.nan, np.inf]))
    assert "no array" in said(x=np.float64(3))
    assert "only ‘y’" in said(y=np.zeros(3))
    assert "no sample at all" in said(x=np.zeros((0, 4)))
    assert "plain numbers" in said(x=np.array(["a", "b"]))
    assert "plain numbers" in said(x=np.array([{}, None], object))
    np.savez(path, x=np.zeros(3))
    with pytest.raises(DataError, match="no array ‘q’; it has x"):
        read_npz(path, features="q")
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read"):
        read_npz(path)


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 80)
    with pytest.raises(DataError, match="needs 8,000,000,000,000 bytes; it has 80"):
        read_npz(path)
