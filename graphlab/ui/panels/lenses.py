"""The panel that shows a lens: which one, what to look for, its animation, and its way into a file."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from PySide6.QtCore import QElapsedTimer, QEvent, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from graphlab.engine.run import RunError
from graphlab.ui import icons, lenses
from graphlab.ui.lenses.base import Lens, lenses_for
from graphlab.ui.lenses.view import View
from graphlab.ui.panels.flow import Flow
from graphlab.ui.panels.panel import Panel, Sentence
from graphlab.ui.session import Session
from graphlab.ui.training import Training

#: What the speed menu offers, in frames a second.
SPEEDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
#: While training runs, the lens is read anew at most this often, and in at most this share of the window's time.
_PAUSE_MS, _SHARE = 60, 0.25
#: A panel lower than this many pixels keeps things to try in a menu.
LOW = 440


class LensPanel(Panel):
    """Shows one lens of the selected node or of the whole network; several panels can be open at once."""

    name: ClassVar[str] = "Lens"
    about: ClassVar[str] = "A closer look at one op or one pattern of your own network, as it runs and trains."
    icon: ClassVar[str] = "lens"
    export_asked = Signal(object)  # this panel

    def __init__(self, session: Session, training: Training | None = None) -> None:
        super().__init__()
        self.session = session
        self.training = training
        self.view = View(session, training=training)
        self.lens: Lens | None = None
        self._classes: list[type[Lens]] = []
        self._wanted: type[Lens] | None = None
        self._stale = True
        self._cost = 0.0
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.refresh)
        self._clock = QTimer(self)
        self._clock.setInterval(125)
        self._clock.timeout.connect(self._tick)
        for signal in (session.weights_changed, session.data_changed, session.run_changed):
            signal.connect(self._changed)
        session.planned.connect(self._rebind)
        session.selection_changed.connect(self._follow)
        session.player.moved.connect(self._changed)
        session.replaced.connect(self._replaced)
        if training is not None:
            training.progressed.connect(self._trained)
        alone = QAction(icons.icon("lens"), "Boxes without a network", self)
        alone.setToolTip("Play non-maximum suppression on boxes that you type, paste or draw")
        alone.triggered.connect(self._look_at_nothing)
        self.set_empty_state("Select a node to look inside it, or open an example: attention, BatchNorm, a VAE, a GAN.",
                             alone)
        self.show_empty(True)

    def _build(self) -> None:
        column = QVBoxLayout(self.content)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        top = QHBoxLayout()
        top.setSpacing(4)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Lens")
        self.choice.setToolTip("Which lens to look through; the most specific one for the selection comes first")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.activated.connect(self._chosen)
        top.addWidget(self.choice)
        self.pin = self._button("pin", "Keep looking at this node while others are selected", checkable=True)
        self.hint = self._button("info", "What to look for", checkable=True)
        self.hint.toggled.connect(self._show_hint)
        self.export = self._button("export", "Save this frame or the whole animation…")
        self.export.clicked.connect(lambda: self.export_asked.emit(self))
        self.subject = Sentence("", "muted", wrap=False)
        top.addWidget(self.subject, 1)
        self.more = QToolButton()
        self.more.setText("Try this")
        self.more.setToolTip("Things to change and watch")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(self.menu)
        top.addWidget(self.more)
        for button in (self.pin, self.hint, self.export):
            top.addWidget(button)
        column.addLayout(top)
        self.text = Sentence("", "muted")
        self.text.hide()
        column.addWidget(self.text)
        self.problem = Sentence("", "problem")
        self.problem.hide()
        column.addWidget(self.problem)
        self.stage = QScrollArea()
        self.stage.setFrameShape(QFrame.Shape.NoFrame)
        self.stage.setWidgetResizable(True)
        self.stage.setMinimumHeight(40)
        column.addWidget(self.stage, 1)
        self.tries = QWidget()
        self.try_row = Flow(self.tries)
        column.addWidget(self.tries)
        self.transport = QWidget()
        row = QHBoxLayout(self.transport)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.play = self._button("play", "Play the animation (space)")
        self.play.clicked.connect(self.toggle)
        self.back = self._button("step-back", "One frame back")
        self.back.clicked.connect(partial(self.advance, -1))
        self.forth = self._button("step-forward", "One frame on")
        self.forth.clicked.connect(partial(self.advance, 1))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Frame of the animation")
        self.slider.valueChanged.connect(self._scrubbed)
        self.speed = QComboBox()
        self.speed.addItems([f"{s:g}/s" for s in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(8.0))
        self.speed.setAccessibleName("Frames a second")
        self.speed.setToolTip("Frames a second")
        self.speed.activated.connect(lambda i: self._clock.setInterval(round(1000 / SPEEDS[i])))
        for widget in (self.play, self.back, self.forth):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.speed)
        column.addWidget(self.transport)
        self.caption = Sentence("")
        column.addWidget(self.caption)

    def _button(self, icon: str, tip: str, checkable: bool = False) -> QToolButton:
        button = QToolButton()
        button.setIcon(icons.icon(icon))
        button.setIconSize(QSize(18, 18))
        button.setAutoRaise(True)
        button.setCheckable(checkable)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button

    # --- which lens ---------------------------------------------------------------------------------------

    def look_at(self, path: str, kind: type[Lens] | None = None) -> None:
        """Bind to a node ('' for the whole network), through a lens of one's choice where it fits."""
        lenses.load()
        if path != self.view.path:
            self.view = View(self.session, path, self.training)
            self._drop()
        self._classes = lenses_for(self.view)
        with QSignalBlocker(self.choice):
            self.choice.clear()
            for cls in self._classes:
                self.choice.addItem(cls.title)
                self.choice.setItemData(self.choice.count() - 1, cls.about, Qt.ItemDataRole.ToolTipRole)
        wanted = kind or self._wanted
        nothing = not self._classes or (not self.view.plan.steps and wanted not in self._classes)
        self.show_empty(nothing)
        if nothing:
            self._drop()
            return
        cls = wanted if wanted is not None and wanted in self._classes else self._classes[0]
        self.choice.setCurrentIndex(self._classes.index(cls))
        node = self.view.node
        self.subject.setText("the whole network" if not path else (node.name if node is not None else path))
        if type(self.lens) is not cls:
            self._drop()
            self.lens = cls(self.view)
            self.lens.frames_changed.connect(self._transport)
            self.lens.frames_changed.connect(self._show_tries)
            self.lens.caption_changed.connect(self.caption.setText)
            self.stage.setWidget(self.lens)
            self.text.setText(f"{cls.about} {cls.look_for}")
        self.refresh()

    def _look_at_nothing(self) -> None:
        """Show the lens that needs no network."""
        lenses.load()
        self._wanted = lenses_for(View(self.session))[-1]
        self.look_at("", self._wanted)

    def _drop(self) -> None:
        if self.lens is not None:
            self._clock.stop()
            self.stage.takeWidget()
            self.lens.deleteLater()
            self.lens = None

    def _chosen(self, index: int) -> None:
        self._wanted = self._classes[index]
        self.look_at(self.view.path, self._wanted)

    def _follow(self) -> None:
        if self.pin.isChecked():
            return
        path = self.session.selection[0] if self.session.selection else ""
        if self.isVisible():
            self.look_at(path)
        else:
            self._stale = True

    def _rebind(self) -> None:
        self.view.invalidate()
        self._stale = True
        if self.isVisible():
            path = self.view.path if self.view.path in self.view.plan.where else ""
            self.look_at(path)

    def _replaced(self) -> None:
        self.pin.setChecked(False)
        self._wanted = None
        self._drop()
        self.view = View(self.session, training=self.training)
        if self.isVisible():
            self.look_at("")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            selection = self.session.selection
            self.look_at(self.view.path or (selection[0] if selection else ""))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.lens is not None:
            self._later.start(0)

    # --- what it shows ------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self.view.invalidate()
        self._stale = True
        if self.isVisible() and not self._later.isActive():
            self._later.start(max(_PAUSE_MS, round(self._cost / _SHARE)))

    def _trained(self) -> None:
        if self.training is None or self.lens is None or self.training.latest is None:
            return
        followed = self.lens.followed()
        if self.isVisible() and followed and self.session.live:
            try:
                self.view.follow(self.training.curves.offset + self.training.latest.update, followed)
            except RunError:
                self._stale = True

    def refresh(self) -> None:
        """Read the numbers anew and draw."""
        if self.lens is None:
            return
        clock = QElapsedTimer()
        clock.start()
        self.view.invalidate()
        self._stale = False
        try:
            self.lens.refresh()
            self.lens.show_frame(self.lens.progress)
            self._say("")
        except RunError as e:
            self._say(str(e))
        self._transport()
        self._show_tries()
        self._cost = clock.elapsed()

    def _say(self, message: str) -> None:
        self.problem.setText(message)
        self.problem.setVisible(bool(message))
        if self.lens is not None:
            self.caption.setText("" if message else self.lens.caption())
            self.lens.setEnabled(not message)

    def _show_hint(self, on: bool) -> None:
        self.text.setVisible(on)

    def _show_tries(self) -> None:
        every = list(self.lens.tries()) if self.lens is not None else []
        self.try_row.show_tries(every)
        # In a low panel the drawing needs the room: the same things are in a menu then.
        low = self.height() < LOW
        self.tries.setVisible(bool(every) and not low)
        self.more.setVisible(bool(every) and low)

    def _fill_menu(self) -> None:
        self.menu.clear()
        for each in self.lens.tries() if self.lens is not None else ():
            action = self.menu.addAction(each.label)
            action.setToolTip(each.hint or each.label)
            action.triggered.connect(lambda _on=False, run=each.run: run())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (event.size().height() < LOW) != (event.oldSize().height() < LOW):
            self._show_tries()

    # --- the animation ----------------------------------------------------------------------------------

    def _transport(self) -> None:
        frames = 1 if self.lens is None else self.lens.frames
        self.transport.setVisible(frames > 1)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, frames - 1)
            self.slider.setValue(0 if self.lens is None else self.lens.frame_index())
        if frames < 2:
            self._clock.stop()
        self.play.setIcon(icons.icon("pause" if self._clock.isActive() else "play"))

    def _scrubbed(self, frame: int) -> None:
        if self.lens is not None:
            self.lens.show_frame(frame / max(1, self.lens.frames - 1))
            self.caption.setText(self.lens.caption())

    def advance(self, by: int) -> None:
        """Go some frames on or back."""
        self.slider.setValue(self.slider.value() + by)

    def toggle(self) -> None:
        """Play, from the start where it stands at the end; or pause."""
        if self._clock.isActive():
            self._clock.stop()
        else:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._clock.start()
        self._transport()

    def _tick(self) -> None:
        if self.slider.value() >= self.slider.maximum():
            self._clock.stop()
            self._transport()
            return
        self.slider.setValue(self.slider.value() + 1)
