"""The problems: what is wrong, where, and one click that mends it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from graphlab.document.fixes import apply_fix
from graphlab.document.paths import EditError
from graphlab.engine.plan import Problem
from graphlab.engine.spec import Fix
from graphlab.ui import icons, theme
from graphlab.ui.panels.flow import Flow
from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.session import Session

#: More rows than this help nobody; the rest is counted.
MOST = 100


class Row(QFrame):
    """One problem: the sentence, the node's name to click on, and a button for each fix."""

    revealed = Signal(object)
    fixed = Signal(object)

    def __init__(self, problem: Problem, name: str) -> None:
        super().__init__()
        self.problem = problem
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Click to see the node")
        self.setAccessibleName(problem.message)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 5, 8, 5)
        row.setSpacing(8)
        picture = QLabel()
        picture.setPixmap(icons.icon("error", "problem").pixmap(QSize(16, 16)))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(1)
        sentence = Sentence(problem.message)
        sentence.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        column.addWidget(sentence)
        if name:
            where = Sentence(name, "muted")
            where.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            column.addWidget(where)
        row.addLayout(column, 1)
        buttons = [self._button(fix) for fix in problem.fixes]
        if len(buttons) == 1:
            row.addWidget(buttons[0], 0, Qt.AlignmentFlag.AlignTop)
        elif buttons:  # beside each other they would leave the sentence no room
            below = QWidget()
            flow = Flow(below)
            for button in buttons:
                flow.addWidget(button)
            column.addSpacing(3)
            column.addWidget(below)

    def _button(self, fix: Fix) -> QPushButton:
        button = QPushButton(fix.label[:1].upper() + fix.label[1:])
        button.setToolTip(f"Mend this: {fix.label}")
        button.clicked.connect(self._fixer(fix))
        return button

    def _fixer(self, fix: Fix) -> Callable[[], None]:
        return lambda: self.fixed.emit(fix)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.revealed.emit(self.problem)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.revealed.emit(self.problem)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        if self.hasFocus() or self.underMouse():
            painter.fillRect(self.rect(), theme.mix(now.base, now.accent, 0.10))
        painter.setPen(now.hairline)
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)


class Problems(Panel):
    """The list of problems. ``counted`` tells how many there are."""

    name = "Problems"
    about = "What keeps the network from running or training, with fixes of one click."
    icon = "problems"
    counted = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        area = self._area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inner = QWidget()
        self._rows = QVBoxLayout(self._inner)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        area.setWidget(self._inner)
        column.addWidget(area)
        self.rows: list[Row] = []
        self._more = Sentence("", "muted")
        self._shown: tuple[tuple[Problem, ...], bool] | None = None
        session.planned.connect(self.refresh)
        session.data_changed.connect(self.refresh)
        session.replaced.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the problems of the current plan."""
        problems = self.session.problems
        nodes = len(self.session.document.graph.nodes)
        if (problems, bool(nodes)) == self._shown:
            return
        self._shown = problems, bool(nodes)
        focus = QApplication.focusWidget()
        if focus is not None and self._inner.isAncestorOf(focus):
            self._area.setFocus()  # not to whatever comes next, where keys would change something
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget is not self._more:
                widget.hide()
                widget.deleteLater()
        self.rows = []
        for problem in problems[:MOST]:
            row = Row(problem, self._name(problem.path))
            row.revealed.connect(self.reveal)
            row.fixed.connect(self.fix)
            self.rows.append(row)
            self._rows.addWidget(row)
        rest = len(problems) - MOST
        self._more.setText(f"… and {rest} more. Mend these first." if rest > 0 else "")
        self._more.setVisible(rest > 0)
        self._rows.addWidget(self._more)
        self._rows.addStretch()
        self.set_empty_state(
            "No problems: everything fits together." if nodes
            else "No problems yet. Drag an Input from the library to begin, or open an example.")
        self.show_empty(not problems)
        self.counted.emit(len(problems))

    def _name(self, path: str) -> str:
        parts, labels = path.split("/") if path else [], []
        for i in range(len(parts)):
            node = self.session.document.node("/".join(parts[:i + 1]))
            labels.append(node.name if node is not None else parts[i])
        return " › ".join(labels)

    def reveal(self, problem: Problem) -> None:
        """Show the node that a problem is about."""
        if problem.path:
            self.session.show_node(problem.path)

    def fix(self, fix: Fix) -> None:
        """Carry out a fix, undoably, and show the node that it adds."""
        before = set(self.session.document.graph.nodes)
        try:
            self.session.edit(fix.label[:1].upper() + fix.label[1:], apply_fix(self.session.document, fix))
        except EditError as e:
            self.session.message.emit(str(e), "warning")
            return
        if self.session.scope == "" and (new := [n for n in self.session.document.graph.nodes if n not in before]):
            self.session.show_node(new[0])
