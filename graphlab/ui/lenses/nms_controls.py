"""The thresholds of suppression as sliders that say which way is stricter, and the sorted list of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFontMetrics
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QSlider,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.detection import Box, Suppression
from graphlab.ui import theme
from graphlab.ui.lenses.nms_frames import Frame, class_name
from graphlab.ui.panels.flow import Flow
from graphlab.ui.panels.panel import Sentence

SOFT: dict[str, str] = {"no": "discard", "linear": "soft, linear", "gaussian": "soft, Gaussian"}


class Controls(QWidget):
    """Everything that a `Suppression` holds, and where the boxes come from."""

    changed = Signal()
    source_changed = Signal(bool)  # whether one's own boxes are wanted
    shown_changed = Signal()  # what is shown beside the boxes

    def __init__(self, how: Suppression, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        switches = QWidget()
        top = Flow(switches, 6)
        self.source = self._combo("Which boxes", ("of the network", "my own"))
        self.source.setToolTip("Boxes that the network says for the sample looked at, or boxes of your own")
        self.source.activated.connect(lambda i: self.source_changed.emit(i == 1))
        self.soft = self._combo("What happens to boxes that overlap", tuple(SOFT.values()))
        self.soft.setToolTip("Discard what overlaps too much, or multiply its p_c by 1 − IoU (linear) or exp(−IoU²/σ)")
        self.soft.activated.connect(self._emit)
        self.sigma = self._spin("σ of the Gaussian", 0.01, 10.0, 0.05)
        self.sigma.setPrefix("σ ")
        self.per_class = QCheckBox("per class")
        self.per_class.setToolTip("On: only boxes of one class are compared. Off: each box with each")
        self.per_class.toggled.connect(self._emit)
        self.truth = QCheckBox("truth")
        self.truth.setToolTip("Dotted: the boxes that should be found")
        self.truth.setChecked(True)
        self.truth.toggled.connect(lambda _on: self.shown_changed.emit())
        self.sheet = QCheckBox("picture")
        self.sheet.setToolTip("Lay your boxes on the picture of the sample looked at")
        self.sheet.toggled.connect(lambda _on: self.shown_changed.emit())
        for widget in (self.source, self.soft, self.sigma, self.per_class, self.truth, self.sheet):
            top.addWidget(widget)
        column.addWidget(switches)
        rows = QGridLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(6)
        rows.setVerticalSpacing(2)
        self.score, self.score_slider, self.score_says = self._threshold(rows, 0, "p_c ≥", "Boxes below are discarded")
        self.overlap, self.overlap_slider, self.overlap_says = self._threshold(
            rows, 1, "IoU ≤", "Boxes that overlap the pivot more are discarded")
        rows.setColumnStretch(3, 1)
        column.addLayout(rows)
        self.set(how)

    def _combo(self, name: str, words: Sequence[str]) -> QComboBox:
        combo = QComboBox()
        combo.addItems(list(words))
        combo.setAccessibleName(name)
        return combo

    def _spin(self, name: str, low: float, high: float, step: float) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setRange(low, high)
        spin.setSingleStep(step)
        spin.setDecimals(2)
        spin.setAccessibleName(name)
        spin.setToolTip(name)
        spin.valueChanged.connect(self._emit)
        return spin

    def _threshold(self, rows: QGridLayout, at: int, label: str, hint: str) -> tuple[QDoubleSpinBox, QSlider, Sentence]:
        spin = self._spin(f"{label} threshold. {hint}", 0.0, 1.0, 0.05)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setPageStep(5)
        slider.setMinimumWidth(90)
        slider.setMaximumWidth(180)
        slider.setAccessibleName(f"{label} threshold")
        slider.setToolTip(hint)
        slider.valueChanged.connect(lambda v: spin.setValue(v / 100))
        says = Sentence("", "muted")
        for k, widget in enumerate((QLabel(label), slider, spin, says)):
            rows.addWidget(widget, at, k)
        return spin, slider, says

    def set(self, how: Suppression) -> None:
        """Show thresholds."""
        for widget, value in ((self.score, how.score), (self.overlap, how.overlap), (self.sigma, how.sigma)):
            with QSignalBlocker(widget):
                widget.setValue(value)
        with QSignalBlocker(self.per_class):
            self.per_class.setChecked(how.per_class)
        self.soft.setCurrentIndex(list(SOFT).index(how.soft))
        self._follow()

    @property
    def how(self) -> Suppression:
        """The thresholds as they stand."""
        soft = cast(Literal["no", "linear", "gaussian"], list(SOFT)[self.soft.currentIndex()])
        score, overlap, sigma = (round(spin.value(), 2) for spin in (self.score, self.overlap, self.sigma))
        return Suppression(score, overlap, self.per_class.isChecked(), soft, sigma)

    def _follow(self) -> None:
        for slider, spin in ((self.score_slider, self.score), (self.overlap_slider, self.overlap)):
            with QSignalBlocker(slider):
                slider.setValue(round(spin.value() * 100))
        gaussian = self.how.soft == "gaussian"
        self.sigma.setVisible(gaussian)
        self.overlap.setEnabled(not gaussian)
        self.overlap_slider.setEnabled(not gaussian)

    def _emit(self) -> None:
        self._follow()
        self.changed.emit()


class SortedList(QTableWidget):
    """The boxes, highest p_c first, and what has become of each."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels(["box", "p_c", "class", "decision"])
        self.setAccessibleName("Boxes, highest p_c first")
        self.setToolTip("Click a box to go to the frame that decided about it")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        header = self.horizontalHeader()
        # Measuring every cell at every change would take longer than all drawing.
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self._order: tuple[int, ...] = ()
        self._looks: list[tuple[tuple[str, ...], str, bool, bool, str]] = []
        self._names: set[str] = set()
        self.cellClicked.connect(lambda row, _column: self.chosen.emit(self._order[row]))

    def sizeHint(self) -> QSize:
        return QSize(240, 160)

    def show_frame(self, frame: Frame, boxes: Sequence[Box], classes: Sequence[str]) -> None:
        """Show a frame."""
        now = theme.current()
        self._order = frame.order
        self.setRowCount(len(frame.order))
        del self._looks[len(frame.order):]
        names = {class_name(classes, b.kind) for b in boxes} | {"class"}
        if names != self._names:
            self._names = names
            metrics = QFontMetrics(theme.font(12, bold=True, tabular=True))
            for k, texts in enumerate((("▸ #18",), ("0.88",), names)):
                self.setColumnWidth(k, 10 + max(metrics.horizontalAdvance(t) for t in texts))
        for row, i in enumerate(frame.order):
            state, pivot, here = frame.states[i], i == frame.pivot, i == frame.box
            gone = state in ("weak", "overlaps")
            word = "pivot" if pivot and state == "kept" else frame.reasons[i]
            if here and frame.word:
                word = frame.word
            colour = now.accent if pivot else now.now if here else now.good if state == "kept" else (
                now.muted if gone else now.text)
            texts = (("▸ " if pivot else "· " if here else "  ") + f"#{i}", f"{frame.scores[i]:.2f}",
                     class_name(classes, boxes[i].kind), word)
            self._fill(row, (texts, colour.name(), pivot or here, gone, f"p_c = {frame.scores[i]!r}"))
        at = frame.box if frame.box in frame.order else frame.pivot
        if at in frame.order and (item := self.item(frame.order.index(at), 0)) is not None:
            self.scrollToItem(item)

    def _fill(self, row: int, looks: tuple[tuple[str, ...], str, bool, bool, str]) -> None:
        """Write one row, unless it looks like that already."""
        if row < len(self._looks) and self._looks[row] == looks:
            return
        self._looks[row:row + 1] = [looks]
        texts, colour, bold, gone, exact = looks
        plain, struck = theme.font(12, bold=bold, tabular=True), theme.font(12, bold=bold, tabular=True)
        struck.setStrikeOut(gone)
        for k, text in enumerate(texts):
            item = self.item(row, k)
            if item is None:
                item = QTableWidgetItem()
                self.setItem(row, k, item)
            item.setText(text)
            item.setForeground(QBrush(QColor(colour)))
            item.setFont(struck if k < 3 else plain)
            item.setToolTip(exact if k == 1 else "")

    def rows(self) -> list[tuple[str, ...]]:
        """Return the words of each row."""
        return [tuple(item.text() if (item := self.item(r, k)) is not None else "" for k in range(4))
                for r in range(self.rowCount())]
