"""The settings of a node: its name, its attributes, and whether it is frozen or bypassed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from graphlab.document import edits
from graphlab.document.model import Document
from graphlab.document.paths import EditError
from graphlab.ui.forms import Form
from graphlab.ui.panels.inspector_subject import Subject
from graphlab.ui.panels.panel import Sentence
from graphlab.ui.session import Session


class PropertiesTab(QScrollArea):
    """Edits the node under inspection; each change is one undoable step, and typing on in a field merges."""

    finished = Signal()  # Enter or Esc in a field: the keyboard may go back to where it came from

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.subject: Subject | None = None
        self.form: Form | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.about = Sentence("", "muted")
        self.readonly = Sentence("", "warning")
        self.problem = Sentence("", "problem")
        self.name, self.frozen, self.bypassed = QLineEdit(), QCheckBox("frozen"), QCheckBox("bypassed")
        self.name.setAccessibleName("name")
        self.name.setToolTip("What the node is called; weights keep their keys when it changes (F2 on the canvas)")
        self.frozen.setToolTip("Training leaves the weights of a frozen node alone (Ctrl+M)")
        self.bypassed.setToolTip("A bypassed node passes its input through (M)")
        top = QFormLayout()
        top.setHorizontalSpacing(12)
        top.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._label = QLabel("name")
        top.addRow(self._label, self.name)
        self._place = QVBoxLayout()
        flags = QVBoxLayout()
        flags.setSpacing(4)
        flags.addWidget(self.frozen)
        flags.addWidget(self.bypassed)
        column.addWidget(self.about)
        column.addWidget(self.readonly)
        column.addLayout(top)
        column.addLayout(self._place)
        column.addLayout(flags)
        column.addWidget(self.problem)
        column.addStretch()
        self.setWidget(inside)
        self.name.editingFinished.connect(self._rename)
        self.frozen.clicked.connect(lambda on: self._flag("frozen", edits.set_frozen, on))
        self.bypassed.clicked.connect(lambda on: self._flag("bypassed", edits.set_bypassed, on))

    def show_subject(self, subject: Subject) -> None:
        """Show the settings of a node; a form that already fits is kept, so that the caret stays where it is."""
        old, self.subject = self.subject, subject
        node, op = subject.node, subject.node.op
        same = old is not None and old.path == subject.path and type(old.node.op) is type(op)
        if not same:
            self._remake(subject)
        elif self.form is not None:
            self.form.set_values({n: v for n, v in op.values().items() if n in self.form.fields})
        self.about.setText(op.sentence() + (f" ({op.source})" if op.source else ""))
        self.readonly.setText("" if subject.editable else "This is the inside of an op, as it runs. It can be looked "
                              "at and stepped through, but not edited.")
        self.readonly.setVisible(not subject.editable)
        if not same or not self.name.hasFocus():
            self.name.setText(node.label)
        self.name.setPlaceholderText(node.id)
        self.frozen.setChecked(node.frozen)
        self.bypassed.setChecked(node.bypassed)
        for widget in (self.name, self.frozen, self.bypassed, self.form):
            if widget is not None:
                widget.setEnabled(subject.editable)
        wrong = [p.message for p in self.session.problems if p.path == subject.path]
        self._say("\n".join(wrong))

    def focus_first(self) -> None:
        """Put the keyboard into the first setting, or into the name where there is none."""
        fields = [] if self.form is None else list(self.form.fields.values())
        target: QWidget = fields[0].widget if fields else self.name
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if isinstance(target, QLineEdit | QAbstractSpinBox):
            target.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.finished.emit()
        else:
            super().keyPressEvent(event)

    def _remake(self, subject: Subject) -> None:
        if self.form is not None:
            self._place.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self.form = Form.of(subject.node.op)
        self.form.changed.connect(self._set)
        self.form.setVisible(bool(self.form.fields))
        self._place.addWidget(self.form)
        # The name stands above the form with its fields in one line.
        labels = [n.replace("_", " ") for n in ("name", *self.form.fields)]
        self._label.setMinimumWidth(max(map(self._label.fontMetrics().horizontalAdvance, labels)))

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    # --- changing -----------------------------------------------------------------------------------------

    def _edit(self, label: str, merge: str, change: Callable[[Document, str, str], Document]) -> None:
        subject = self.subject
        if subject is None or not subject.editable:
            return
        scope, _, id = subject.path.rpartition("/")
        try:
            self.session.edit(label, change(self.session.document, id, scope), merge=f"{merge} {subject.path}")
        except EditError as e:
            self._say(str(e))

    def _set(self, name: str, value: object) -> None:
        if self.subject is not None:
            self._edit(f"Set {name} of {self.subject.name}", f"set {name}",
                       lambda d, id, scope: edits.set_attributes(d, id, {name: value}, scope))

    def _rename(self) -> None:
        text = " ".join(self.name.text().split())
        if self.subject is not None and text != self.subject.node.label:
            self._edit(f"Rename {self.subject.name}", "rename", lambda d, id, scope: edits.rename(d, id, text, scope))

    def _flag(self, word: str, put: Callable[..., Document], on: bool) -> None:
        if self.subject is not None:
            self._edit(f"{'Make' if on else 'No longer'} {word}: {self.subject.name}", word,
                       lambda d, id, scope: put(d, [id], on, scope))
