"""Finding samples: what one shows, those of a class, and the next that the network gets wrong."""

from __future__ import annotations

import numpy as np

from graphlab.engine.data import Column, Table
from graphlab.engine.fast.plain import make_step
from graphlab.engine.fast.program import Parameters
from graphlab.engine.record import Array
from graphlab.engine.run import RunError
from graphlab.engine.scoring import Judge
from graphlab.engine.stage import losses_of
from graphlab.ui.session import Session


def target(table: Table | None) -> Column | None:
    """Return the column of classes that is to be learned, or None where there is none."""
    if table is None:
        return None
    column = table.columns.get(table.target)
    return column if column is not None and column.kind == "index" and column.values.ndim == 1 else None


def class_names(table: Table | None) -> list[str]:
    """Return the names of the classes, or nothing where the data has none."""
    column = target(table)
    return [] if column is None else list(column.classes)


def rows_of_class(table: Table | None, index: int) -> Array:
    """Return the numbers of the samples of a class."""
    column = target(table)
    return np.zeros(0, np.int64) if column is None else np.flatnonzero(column.values == index)


def describe(session: Session) -> str:
    """Say in a few words which sample is looked at, and which part of the split it belongs to."""
    column = target(session.table)
    words = []
    if session.table is not None and column is not None and column.classes:
        words.append(f"class {column.classes[int(column.values[session.sample])]}")
    if session.prepared is not None:
        for part, rows in session.prepared.rows.items():
            if session.sample in rows:
                words.append({"train": "training sample", "validation": "validation sample"}.get(part, "test sample"))
                break
    return " · ".join(words)


def judge(session: Session) -> Judge | None:
    """Return what measures the network with the weights that are shown, or None where nothing can be measured."""
    if session.prepared is None or not session.document.setup.phases:
        return None
    losses = losses_of(session.plan, session.document.setup.phases[0])
    if not losses or any(path not in session.plan.where for path in losses):
        return None
    try:
        parameters = Parameters(session.plan, session.weights)
        return Judge(session.plan, parameters, session.prepared, session.document.setup, losses, make_step)
    except RunError:
        return None


def next_wrong(session: Session) -> int | None:
    """Return the next sample after the one looked at whose class the network gets wrong, or None.

    Raises `RunError` in words where the network does not classify.
    """
    measure = judge(session)
    if measure is None or measure.verdict is None or session.table is None:
        raise RunError("Misclassified samples can be found once a loss compares a prediction with the classes "
                       "of the data set.")
    rows = np.roll(np.arange(session.table.n), -session.sample - 1)
    for at in range(0, len(rows), 512):
        part = rows[at:at + 512]
        predicted = measure.measure(part)[1]
        if predicted is None:
            break
        labels = measure.verdict.labels[part]
        wrong = np.flatnonzero((predicted != labels).reshape(len(part), -1).any(axis=1))
        if len(wrong):
            return int(part[wrong[0]])
    return None
