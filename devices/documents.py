"""Bluesky's documents on disk: one file of JSON lines for each run."""

import json
from pathlib import Path
from typing import Any

from devices.errors import LabError


class DocumentFiles:
    """A subscriber of the RunEngine that writes every run to ``folder``.

    The name of a file is the dispatch key, the plan and the first part of the run's id. A run whose documents
    cannot be written fails: what left no trace did not happen.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}
        self._run_of_descriptor: dict[str, str] = {}

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        """Append one document."""
        if name == "start":
            run = document["uid"]
            plan = document.get("plan_name", "run")
            self._files[run] = self._folder / f"{document.get('key', 'no-key')}-{plan}-{run[:8]}.jsonl"
        elif name == "event":
            run = self._run_of_descriptor[document["descriptor"]]
        else:
            run = document["run_start"]
            if name == "descriptor":
                self._run_of_descriptor[document["uid"]] = run
        line = json.dumps({"name": name, "document": document}, default=_plain)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._files[run].open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise LabError(
                f"The record of the run cannot be written to {self._folder} ({error.strerror or error}); "
                "free some space or choose another state directory."
            ) from error
        if name == "stop":
            del self._files[run]
            self._run_of_descriptor = {d: r for d, r in self._run_of_descriptor.items() if r != run}


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, and paths, as JSON knows them."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
