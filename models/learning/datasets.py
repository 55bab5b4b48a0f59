"""The data sets of an installation, by name: ``<MORPHOLOOP_HOME>/datasets/<name>/``."""

import re
from pathlib import Path

from models.errors import UnusableInput
from models.home import state_directory

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def datasets_directory(home: Path | None = None) -> Path:
    """Where data sets live."""
    return (home or state_directory(create=False)) / "datasets"


def place_for(name: str, home: Path | None = None) -> Path:
    """The folder of the data set of that name, there or not. Errors: :class:`UnusableInput`."""
    if not NAME.fullmatch(name):
        raise UnusableInput(
            f"{name!r} cannot name a data set; use letters, digits, '.', '_' and '-', up to 64 of them."
        )
    return datasets_directory(home) / name


def find_dataset(name: str, home: Path | None = None) -> Path:
    """The folder of a data set: a path that holds one, or a name. Errors: :class:`UnusableInput`."""
    if (Path(name) / "dataset.json").is_file():
        return Path(name)
    known = dataset_names(home)
    if name not in known:
        raise UnusableInput(
            f"There is no data set {name!r}; known are {', '.join(known) or 'none'}: "
            "make one with `morpholoop dataset ingest` or `morpholoop simulate`."
        )
    return datasets_directory(home) / name


def dataset_names(home: Path | None = None) -> list[str]:
    """Names of the data sets there are."""
    folders = datasets_directory(home).glob("*/dataset.json")
    return sorted(path.parent.name for path in folders if NAME.fullmatch(path.parent.name))
