"""What a crate is: a folder with a whole campaign in it, described as an RO-Crate.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1): ``ro-crate-metadata.json`` names every file, with its SHA-256.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import UnusableInput

FORMAT = 1
METADATA, CONTENT = "ro-crate-metadata.json", "campaign.json"
FILES, DOCUMENTS, MODELS = "files", "documents", "models"
STORED = re.compile(r"(micrographs|predictions|overlays)/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]{2,5}")
"""Where a file of the store may be, below the store; nothing else is taken in."""

_TYPES = {
    ".tif": "image/tiff", ".tiff": "image/tiff", ".png": "image/png", ".html": "text/html",
    ".json": "application/json", ".jsonl": "application/jsonl", ".yaml": "application/yaml",
    ".safetensors": "application/octet-stream",
}  # fmt: skip


@dataclass(frozen=True)
class Crate:
    """A folder that is a crate, with the SHA-256 of each file by its path inside."""

    folder: Path
    files: Mapping[str, str]

    def check(self) -> None:
        """Check every file against its SHA-256. Errors: :class:`UnusableInput` for the first that differs."""
        for name, wanted in self.files.items():
            path = self.folder / name
            if not path.is_file():
                raise UnusableInput(f"{self.folder} lacks {name}, which it should hold; copy it again.")
            if sha256(path) != wanted:
                raise UnusableInput(f"{path} is not what was exported (its SHA-256 differs); copy it again.")


def describe(folder: Path, campaign: Mapping[str, Any]) -> None:
    """Write the metadata of a crate over every file that is in its folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    parts = [{"@id": name} for name in names]
    simulated = "simulated " if campaign["simulated"] else ""
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": campaign["id"],
            "description": f"A campaign of morpholoop in a {simulated}lab: {campaign['status']}. "
            f"{campaign['reason']}",
            "datePublished": campaign["updated_at"],
            "license": "not stated",
            "hasPart": parts,
        },
    ]
    for name in names:
        path = folder / name
        graph.append(
            {
                "@id": name,
                "@type": "File",
                "encodingFormat": _TYPES.get(path.suffix, "application/octet-stream"),
                "contentSize": str(path.stat().st_size),
                "sha256": sha256(path),
            }
        )
    content = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    (folder / METADATA).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_crate(folder: Path) -> tuple[Crate, Mapping[str, Any]]:
    """A crate and what it says of its campaign. Errors: :class:`UnusableInput` where it is none."""
    try:
        graph = json.loads((folder / METADATA).read_text(encoding="utf-8"))["@graph"]
        files = {one["@id"]: one["sha256"] for one in graph if one.get("@type") == "File"}
        content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
        form, tables = content["format"], content["tables"]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableInput(
            f"{folder} is no exported campaign ({' '.join(str(error).split())}); give a folder that "
            "`morpholoop campaign export` wrote."
        ) from error
    if form != FORMAT or not isinstance(tables, dict):
        raise UnusableInput(f"{folder} was written in format {form}, and this program reads {FORMAT}.")
    outside = [name for name in files if ".." in Path(name).parts or Path(name).is_absolute()]
    if outside or CONTENT not in files:
        raise UnusableInput(f"{folder} names files outside of itself ({', '.join(outside) or 'or none'}).")
    return Crate(folder, files), content


def sha256(path: Path) -> str:
    """The SHA-256 (hex) of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
