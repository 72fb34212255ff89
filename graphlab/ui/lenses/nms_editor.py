"""The table of somebody's own boxes: typed, pasted, added, removed, with undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from graphlab.document.boxes import COLUMNS, MOST_BOXES, read_boxes, write_boxes
from graphlab.engine.detection import Box
from graphlab.ui import icons, theme
from graphlab.ui.lenses.nms_frames import class_name
from graphlab.ui.lenses.nms_source import OwnBoxes
from graphlab.ui.numbers import exact_text, read_number
from graphlab.ui.panels.panel import Sentence

_FIELDS = ("left", "top", "right", "bottom", "score")


class _Table(QTableWidget):
    """A table whose keys paste, copy, delete and undo."""

    def sizeHint(self) -> QSize:
        return QSize(240, 120)

    pasted = Signal()
    copied = Signal()
    removed = Signal()
    undone = Signal()
    redone = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = QKeySequence.StandardKey
        for key, signal in ((keys.Paste, self.pasted), (keys.Copy, self.copied), (keys.Delete, self.removed),
                            (keys.Undo, self.undone), (keys.Redo, self.redone)):
            if event.matches(key):
                signal.emit()
                event.accept()
                return
        super().keyPressEvent(event)


class BoxEditor(QWidget):
    """Edits an `OwnBoxes`; what cannot be taken is said in a sentence below the table."""

    chosen = Signal(int)

    def __init__(self, own: OwnBoxes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.own = own
        self.buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.table = _Table(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.setAccessibleName("Your boxes")
        self.table.setToolTip("Type over a number; Ctrl+V pastes CSV: a line is left, top, right, bottom, p_c, class")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(30)
        header.setFont(theme.font(11))
        self.table.itemChanged.connect(self._typed)
        self.table.itemSelectionChanged.connect(lambda: self.chosen.emit(self.row()))
        for signal, slot in ((self.table.pasted, self.paste), (self.table.copied, self.copy),
                             (self.table.removed, self.remove), (self.table.undone, own.undo),
                             (self.table.redone, own.redo)):
            signal.connect(slot)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(0)
        for icon, tip, run in (
            ("plus", "Add a box; or draw one with the mouse", self.add_one),
            ("paste", "Paste CSV instead of these boxes (Ctrl+V): a line is left, top, right, bottom, p_c, class",
             self.paste),
            ("copy", "Copy all boxes as CSV (Ctrl+C)", self.copy), ("delete", "Remove the chosen boxes (Delete)",
                                                                    self.remove),
            ("undo", "Take the last change of these boxes back (Ctrl+Z)", own.undo),
            ("redo", "Make it again (Ctrl+Shift+Z)", own.redo),
        ):
            button = QToolButton()
            button.setIcon(icons.icon(icon))
            button.setIconSize(QSize(16, 16))
            button.setAutoRaise(True)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(run)
            row.addWidget(button)
            self.buttons[icon] = button
        row.addStretch()
        column.addLayout(row)
        self.says = Sentence("", "problem")
        self.says.hide()
        column.addWidget(self.says)
        own.changed.connect(self.refresh)
        self.refresh()

    # --- what is shown ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the boxes as they are."""
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(self.own.boxes))
            for i, box in enumerate(self.own.boxes):
                texts = [f"{getattr(box, n):.4g}" for n in _FIELDS] + [class_name(self.own.classes, box.kind)]
                exact = [exact_text(getattr(box, n)) for n in _FIELDS] + [texts[-1]]
                for k, (text, full) in enumerate(zip(texts, exact, strict=True)):
                    item = self.table.item(i, k)
                    if item is None:
                        item = QTableWidgetItem()
                        if k < 5:
                            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                        self.table.setItem(i, k, item)
                    item.setText(text)
                    item.setToolTip(full)
            self.table.setVerticalHeaderLabels([f"#{i}" for i in range(len(self.own.boxes))])
        self.buttons["undo"].setEnabled(self.own.can_undo)
        self.buttons["redo"].setEnabled(self.own.can_redo)

    def row(self) -> int:
        """Return the chosen row; −1: none."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return rows[0] if rows else -1

    def choose(self, row: int) -> None:
        """Choose a row; −1: none."""
        if row < 0:
            self.table.clearSelection()
        else:
            self.table.selectRow(row)

    def say(self, sentence: str) -> None:
        """Show what is wrong, or nothing."""
        self.says.setText(sentence)
        self.says.setVisible(bool(sentence))

    # --- what is done -----------------------------------------------------------------------------------

    def _typed(self, item: QTableWidgetItem) -> None:
        row, column = item.row(), item.column()
        box, known = self.own.boxes[row], self.own.classes
        try:
            if column < 5:
                value = float(read_number(item.text(), np.zeros(1), COLUMNS[column]))
                new = replace(box, **{_FIELDS[column]: value})  # type: ignore[arg-type]
                if problem := new.problem():
                    raise ValueError(f"#{row}: {problem[0].lower()}{problem[1:]}")
            else:
                new, known = self._of_class(box, item.text().strip())
        except ValueError as e:
            self.say(str(e))
            self.refresh()
            return
        self.say("")
        self.own.put([*self.own.boxes[:row], new, *self.own.boxes[row + 1:]], known)
        self.refresh()

    def _of_class(self, box: Box, text: str) -> tuple[Box, tuple[str, ...]]:
        line = f"0,0,1,1,1,\"{text.replace(chr(34), '')}\""
        read = read_boxes(line, self.own.classes)
        if not read.boxes or not text:
            raise ValueError("class needs a name or a whole number from 0." if not read.problems else read.problems[0])
        return replace(box, kind=read.boxes[0].kind), read.classes

    def paste(self) -> None:
        """Take boxes from the clipboard instead of those there are; lines that hold none are said."""
        self.take(QGuiApplication.clipboard().text())

    def take(self, text: str) -> None:
        """Take boxes from a text instead of those there are; lines that hold none are said."""
        read = read_boxes(text)
        more = len(read.problems) - 3
        self.say(" ".join(read.problems[:3]) + (f" {more} more lines hold no box." if more > 0 else ""))
        if read.boxes:
            self.own.put(read.boxes, read.classes)

    def copy(self) -> None:
        """Copy all boxes as CSV."""
        QGuiApplication.clipboard().setText(write_boxes(self.own.boxes, self.own.classes))

    def add(self, box: Box) -> None:
        """Append a box and choose it."""
        if len(self.own.boxes) >= MOST_BOXES:
            self.say(f"There are {MOST_BOXES} boxes, which is as many as the theatre takes; remove some first.")
            return
        self.say("")
        self.own.put([*self.own.boxes, box])
        self.choose(len(self.own.boxes) - 1)

    def add_one(self) -> None:
        """Append a box that lies a little beside the chosen one, or in the corner."""
        row = self.row()
        if row < 0:
            self.add(Box(1, 1, 8, 8, 0.9, 0))
        else:
            b = self.own.boxes[row]
            self.add(replace(b, left=b.left + 1, top=b.top + 1, right=b.right + 1, bottom=b.bottom + 1))

    def remove(self) -> None:
        """Remove the chosen rows."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        if rows:
            self.own.put([b for i, b in enumerate(self.own.boxes) if i not in rows])
