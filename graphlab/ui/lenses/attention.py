"""The attention lens: from queries and keys to the context, head by head and query by query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, QSignalBlocker
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from graphlab.engine.op import Array
from graphlab.engine.ops.attention import ScaledDotProductAttention
from graphlab.engine.ops.heads import AttentionScores, MultiHeadAttention
from graphlab.engine.ops.transformer import DecoderBlock, EncoderBlock
from graphlab.engine.run import RunError
from graphlab.ui.lenses.attention_boards import Board, Focus
from graphlab.ui.lenses.attention_data import Seen, Variant, read, variants
from graphlab.ui.lenses.attention_dictionary import DictionaryBoard
from graphlab.ui.lenses.attention_lines import LinesBoard
from graphlab.ui.lenses.attention_matrices import MatricesBoard
from graphlab.ui.lenses.attention_sites import Site, Tokens, attending, sites
from graphlab.ui.lenses.attention_tiles import TilesBoard, film_tiles, head_tiles, way_tiles
from graphlab.ui.lenses.attention_tries import Changes
from graphlab.ui.lenses.attention_words import sentence, summary
from graphlab.ui.lenses.base import Lens, Try, lens
from graphlab.ui.lenses.view import View

#: From this width on, boards stand in two columns.
_TWO_COLUMNS = 1200


@lens(ScaledDotProductAttention, MultiHeadAttention, AttentionScores, EncoderBlock, DecoderBlock, match=attending)
class AttentionLens(Lens):
    """Shows what an attention computes as matrices, as lines between tokens, and as a soft dictionary."""

    title = "Attention"
    about = "Queries meet keys: scores, scale, mask, softmax, and the mixture of the values, query by query."
    look_for = ("Play it: each query is compared with all keys, its scores become weights that sum to 1, and the "
                "values are mixed. Click a cell or a word to stay with its query; right-click a cell to hide a key. "
                "Train with ‘Training’ switched on and watch the alignment appear.")

    def __init__(self, view: View, parent: QWidget | None = None) -> None:
        super().__init__(view, parent)
        self.seen: Seen | None = None
        self.sites: list[Site] = []
        self.changes = Changes(view)
        self.row, self.key, self.head = -1, -1, -1
        self._arranged: tuple[list[str], int] = [], 0
        self._variants: list[Variant] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.place = self._combo("Which attention", "Which attention of this part of the network is shown")
        self.place.activated.connect(self._other)
        self.solo = self._combo("Head", "All heads together, or one alone")
        self.solo.activated.connect(self._solo)
        top.addWidget(self.place)
        top.addWidget(self.solo)
        self.matrices, self.lines, self.dictionary = MatricesBoard(), LinesBoard(), DictionaryBoard()
        self.heads = TilesBoard("Heads", "The weights of every head; click one to see it alone.")
        self.ways = TilesBoard("Ways of scoring", "The same queries and keys scored in other ways.")
        self.film = TilesBoard("Training", "The weights at moments of the training.",
                               "Nothing is recorded yet. Train while this panel is open: the weights of this sample "
                               "are kept as they change.")
        self.boards: dict[str, Board] = {"Matrices": self.matrices, "Lines": self.lines, "Heads": self.heads,
                                         "Dictionary": self.dictionary, "Ways of scoring": self.ways,
                                         "Training": self.film}
        self.switches: dict[str, QCheckBox] = {}
        for name, board in self.boards.items():
            switch = QCheckBox(name)
            switch.setChecked(name in ("Matrices", "Lines"))
            switch.setToolTip(board.accessibleDescription())
            switch.toggled.connect(self._switched)
            self.switches[name] = switch
            top.addWidget(switch)
            board.pointed.connect(self.look_at if not isinstance(board, TilesBoard) else self._tile)
            board.token_asked.connect(self._ask_token)
            board.cell_asked.connect(self._ask_cell)
        top.addStretch(1)
        column.addLayout(top)
        self.grid = QGridLayout()
        self.grid.setSpacing(6)
        self.grid.setColumnStretch(0, 3)
        column.addLayout(self.grid, 1)
        for board in self.boards.values():
            board.setParent(self)
        self._arrange()

    @staticmethod
    def _combo(name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        return combo

    def _arrange(self) -> None:
        several = self.seen is not None and self.seen.heads > 1
        self.switches["Heads"].setVisible(several)
        self.solo.setVisible(several)
        self.place.setVisible(len(self.sites) > 1)
        wanted = [n for n in self.boards if self.switches[n].isChecked() and (n != "Heads" or several)]
        columns = 2 if self.width() >= _TWO_COLUMNS and len(wanted) > 1 else 1
        if (wanted, columns) != self._arranged:
            self._arranged = wanted, columns
            for name, board in self.boards.items():
                self.grid.removeWidget(board)
                board.setVisible(name in wanted)
            for i, name in enumerate(wanted):
                # The last of an odd number has a row of its own.
                last = i == len(wanted) - 1 and not i % columns
                self.grid.addWidget(self.boards[name], i // columns, i % columns, 1, columns if last else 1)
            self.grid.setColumnStretch(1, 2 if columns > 1 else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # --- reading --------------------------------------------------------------------------------------------

    @property
    def site(self) -> Site | None:
        """The attention that is shown."""
        index = max(0, self.place.currentIndex())
        return self.sites[index] if index < len(self.sites) else None

    def refresh(self) -> None:
        self.sites = sites(self.view.plan, self.view.path) or [
            s for s in sites(self.view.plan) if any(path == self.view.path for _, path in s.stages)]
        names = [s.path for s in self.sites]
        if [self.place.itemText(i) for i in range(self.place.count())] != names:
            with QSignalBlocker(self.place):
                self.place.clear()
                self.place.addItems(names)
            self.row = self.key = self.head = -1
        site = self.site
        if site is None:
            self.seen = None
            raise RunError("There is no attention here that runs; look at the Problems panel.")
        frames = self.frames
        self.seen = read(self.view, site, self.changes.hidden_at(site))
        self.row = min(self.row, len(self.seen.rows) - 1)
        self.key = min(self.key, len(self.seen.columns) - 1)
        self.head = min(self.head, self.seen.heads - 1)
        entries = ["all heads", *(f"head {h + 1}" for h in range(self.seen.heads))]
        if [self.solo.itemText(i) for i in range(self.solo.count())] != entries:
            with QSignalBlocker(self.solo):
                self.solo.clear()
                self.solo.addItems(entries)
        self.solo.setCurrentIndex(self.head + 1)
        self._arrange()
        if frames != self.frames:
            self.frames_changed.emit()

    @property
    def chosen_head(self) -> int | None:
        """The head that is shown alone, or None for all."""
        return None if self.head < 0 else self.head

    # --- the animation ----------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        return 1 if self.seen is None else len(self.seen.rows) * len(self.seen.order) + 1

    @property
    def focus_(self) -> Focus:
        """What the frame that is shown has reached."""
        assert self.seen is not None
        count, rows = len(self.seen.order), len(self.seen.rows)
        frame = self.frame_index()
        key = None if self.key < 0 else self.key
        if frame >= rows * count:
            return Focus(rows, self.row, count, key, self.chosen_head)
        return Focus(frame // count, frame // count, frame % count + 1, key, self.chosen_head)

    def show_frame(self, progress: float) -> None:
        super().show_frame(progress)
        if self.seen is None:
            return
        focus = self.focus_
        if self.heads.isVisibleTo(self):
            self.heads.show_tiles(head_tiles(self.seen, self.chosen_head))
        if self.ways.isVisibleTo(self):
            self._variants = variants(self.view, self.seen, self.chosen_head)
            self.ways.show_tiles(way_tiles(self.seen.site, self._variants))
        if self.film.isVisibleTo(self):
            self.film.show_tiles(film_tiles(self.view.history(self._key(self.seen.site)), self.chosen_head))
        for board in self.boards.values():
            if board.isVisibleTo(self):
                board.show_seen(self.seen, focus)

    def caption(self) -> str:
        if self.seen is None:
            return ""
        focus, seen = self.focus_, self.seen
        if focus.row < 0:
            return summary(seen, focus.head)
        stage = seen.order[focus.stage - 1]
        if focus.done == len(seen.rows) and "weights" in seen.stages:
            stage = "weights"  # everything is there: the weights say most
        return sentence(seen, focus.head, focus.row, stage, focus.key)

    def shown(self) -> Mapping[str, Array]:
        if self.seen is None:
            return {}
        seen = self.seen
        out = {"q": seen.q, "k": seen.k, **seen.stages, "sums": seen.sums, "shown weights": seen.of_head(
            self.chosen_head)} | ({} if seen.v is None else {"v": seen.v})
        out |= {f"way {v.name}": v.weights for v in self._variants}
        return out | {f"film {t.title}": t.weights for t in self.film.tiles}

    def followed(self) -> Mapping[str, Callable[[View], Array]]:
        site = self.site
        return {} if site is None else {self._key(site): lambda view: read(view, site).weights.astype(np.float32)}

    def _key(self, site: Site) -> str:
        return f"weights of {site.path} for sample {self.view.session.sample}"

    # --- pointing and changing -----------------------------------------------------------------------------------

    def look_at(self, row: int, key: int) -> None:
        """Stay with a query, and with one key of it; the same again lets go. −1 is none."""
        if row < 0 and key < 0:
            return
        row = self.row if row < 0 else row
        if (row, key) == (self.row, self.key):
            row = key = -1
        self.row, self.key = row, key
        self._again(1.0)

    def _again(self, progress: float | None = None) -> None:
        self.show_frame(self.progress if progress is None else progress)
        self.frames_changed.emit()
        self.caption_changed.emit(self.caption())

    def _tile(self, index: int, _key: int) -> None:
        if self.sender() is self.heads:
            self.show_head(-1 if index == self.head else index)

    def show_head(self, head: int) -> None:
        """Show one head alone, or all for −1."""
        self.head = head
        self.solo.setCurrentIndex(head + 1)
        self._again()

    def _solo(self, index: int) -> None:
        self.show_head(index - 1)

    def _other(self) -> None:
        self.row = self.key = self.head = -1
        self.refresh()
        self._again()

    def _switched(self) -> None:
        self._arrange()
        self._again()

    def _ask_token(self, kind: str, place: int, at: QPoint) -> None:
        found: Tokens | None = None if self.seen is None else self.seen.asked if kind == "rows" else self.seen.looked
        if found is None or not found.words:
            self.look_at(*((place, -1) if kind == "rows" else (-1, place)))
            return
        menu = QMenu(self)
        for number, word in enumerate(found.words):
            menu.addAction(word, partial(self.changes.put, found.path, place, number))
        menu.exec(at)
        menu.deleteLater()

    def _ask_cell(self, row: int, key: int, at: QPoint) -> None:
        if self.site is None or self.seen is None:
            return
        menu = QMenu(self)
        may = bool(self.seen.may[0, row, key])
        menu.addAction("Hide this key from this query" if may else "Show this key to this query",
                       partial(self.hide_cells, [(row, key)], may))
        menu.addAction("Hide this key from all queries",
                       partial(self.hide_cells, [(i, key) for i in range(len(self.seen.rows))], True))
        menu.exec(at)
        menu.deleteLater()

    def hide_cells(self, cells: list[tuple[int, int]], hide: bool = True) -> None:
        """Hide some keys from some queries, in the mask's Input where there is one, else as a question of what if."""
        if self.site is not None:
            self.changes.hide(self.site, cells, hide)
            self.refresh()
            self._again()

    def tries(self) -> Iterable[Try]:
        return () if self.seen is None or self.site is None else self.changes.tries(self)
