"""What a dragged op carries: its name, then optionally a line with its attributes as a JSON object."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QMimeData

from graphlab.engine.op import Op, registry
from graphlab.ui.panels.palette_search import MIME


def pack_op(name: str, attributes: dict[str, Any] | None = None) -> QMimeData:
    """Return what a drag of an op carries."""
    data = QMimeData()
    text = f"{name}\n{json.dumps(attributes)}" if attributes else name
    data.setData(MIME, text.encode())
    data.setText(name)
    return data


def unpack_op(data: QMimeData) -> Op | None:
    """Return the op that is dragged, or None where it is something else."""
    if not data.hasFormat(MIME):
        return None
    name, _, rest = bytes(data.data(MIME).data()).decode(errors="replace").partition("\n")
    kind = registry().get(name.strip())
    if kind is None:
        return None
    try:
        given = json.loads(rest) if rest.strip() else {}
        known = {a.name for a in kind.attributes()}
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if k in known}
        op = kind(**values)
    except (ValueError, TypeError, AttributeError):
        return None
    return op if not op.problems() else kind()
