"""Exports of pictures: networks and steps as SVG, PDF and PNG."""

from graphlab.ui.export.network import export_file, export_view
from graphlab.ui.export.step import export_step, step_latex
from graphlab.ui.export.write import ENDINGS, ExportError

__all__ = ["ENDINGS", "ExportError", "export_file", "export_step", "export_view", "step_latex"]
