"""All first derivatives of a node by an input or a weight, and the second ones of a loss, as tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from graphlab.engine.jacobian import MOST, By, curvature, hessian, jacobian
from graphlab.engine.op import Array, Op
from graphlab.engine.run import Run, RunError
from graphlab.ui.lenses.base import Lens, lens
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.tensor_view import TensorView


@lens(Op)
class Derivatives(Lens):
    """The Jacobian of the selected node; of a node that gives one number also the Hessian, with its eigenvalues."""

    title = "Jacobian and Hessian"
    about = "How each number of this node answers to each number of an input or a weight."
    look_for = ("A row is one number of the node, a column one that it is derived by. A Hessian with eigenvalues "
                "of both signs belongs to a saddle; a large κ to a valley in which plain descent zig-zags.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.kind = QComboBox()
        self.kind.setAccessibleName("Which derivatives")
        self.kind.addItems(["∂f/∂x (Jacobian)", "∂²f/∂x² (Hessian)"])
        self.by = QComboBox()
        self.by.setAccessibleName("Derived by")
        self.by.setToolTip("The input or weight x to derive by")
        row.addWidget(self.kind)
        row.addWidget(QLabel("by"))
        row.addWidget(self.by)
        row.addStretch()
        column.addLayout(row)
        self.says = Sentence("")
        column.addWidget(self.says)
        self.table = TensorView("derivatives")
        column.addWidget(self.table, 1)
        self._numbers: dict[str, Array] = {}
        self.kind.activated.connect(self._again)
        self.by.activated.connect(self._again)

    def _again(self) -> None:
        try:
            self.refresh()
        except RunError as e:
            self._say(str(e))

    def _say(self, message: str) -> None:
        self._numbers = {}
        self.table.hide()
        self.says.setText(message)

    def choices(self) -> list[By]:
        """Return what can be derived by: the Inputs of real numbers and the weights that are not too large."""
        plan = self.view.plan
        inputs = [By(s.path) for s in plan.inputs if plan.slots[s.outputs["y"]].spec.kind == "real"]
        weights = [By(k, weight=True) for k in plan.trainable() if np.prod(plan.weights[k].shape) <= MOST]
        return inputs + weights

    def refresh(self) -> None:
        every = self.choices()
        names = [b.name for b in every]
        if names != [self.by.itemText(i) for i in range(self.by.count())]:
            self.by.clear()
            self.by.addItems(names)
        if not every:
            self._say("There is nothing to derive by: the network has no Input of real numbers and no small weight.")
            return
        by = every[max(0, self.by.currentIndex())]
        # One sample is enough to read, and the table stays small.
        run: Run = self.view.evaluate(self.view.feeds(1), seeds={})
        output = self.view.step.op.output_names()[0] if self.view.step is not None else "y"
        if self.kind.currentIndex() == 0:
            found = jacobian(run, self.view.path, by, output)
            self.says.setText(f"J has {found.shape[0]} rows, one a number of {self.view.path}, and {found.shape[1]} "
                              f"columns, one a number of {by.name}; for the first sample looked at.")
        else:
            found = hessian(run, self.view.path, by, output)
            self.says.setText(curvature(found).sentence)
        self._numbers = {"derivatives": found}
        self.table.show()
        self.table.set_array(found)

    def shown(self) -> Mapping[str, Array]:
        return self._numbers
