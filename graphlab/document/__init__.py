"""The document: the saved value, edits on it, files, layout and exports as text; no windows."""
