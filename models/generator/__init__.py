"""Process conditions → micrographs: the generator, its training, its gate and its registry.

>>> from models.generator import load
>>> generator = load()                                                    # doctest: +SKIP
>>> images = generator.sample({...}, magnification=3000, n=8, seed=0)     # doctest: +SKIP
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.generator.generator import Generator

__all__ = ["Generator", "load"]


def load(
    version_or_path: str | Path | None = None, *, device: str | None = None, check: bool = True
) -> "Generator":
    """The generator of a version's name or folder; without one, the current version.

    ``check`` compares every file with the checksum manifest first (about 0.1 s).
    Errors: :class:`models.errors.UnusableInput` when there is no such version or it is damaged.
    """
    # torch and diffusers take seconds to import; listing versions must not wait for them.
    from models.generator.generator import load_folder
    from models.generator.registry import locate

    return load_folder(locate(version_or_path), device=device, check=check)


def __getattr__(name: str) -> Any:
    if name == "Generator":
        from models.generator.generator import Generator

        return Generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
