"""Finds the files that come with GraphLab: icons, data sets, examples."""

from pathlib import Path

_PACKED = Path(__file__).with_name("resources")
_CHECKOUT = Path(__file__).parent.parent / "resources"


def _root() -> Path:
    # A wheel packs the folder into the package; a checkout and an editable install have it beside it.
    return _PACKED if _PACKED.is_dir() else _CHECKOUT


def resource(name: str) -> Path:
    """The path of the file or folder `name` below `resources/`, such as "data/iris.csv".

    Raises FileNotFoundError where there is none, and ValueError for a name that leaves the folder.
    """
    root = _root()
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"A resource is named by its path below {root}, but {name!r} leads out of it.")
    if not path.exists():
        raise FileNotFoundError(
            f"GraphLab's own file {name!r} is missing: it was expected at {path}. "
            "Installing GraphLab again brings it back."
        )
    return path
