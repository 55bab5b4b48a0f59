"""When somebody last looked at a campaign's proposals, so that they can be told what changed since."""

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from campaigns.ledger.store import iso

MOST = 200


def last_look(home: Path, person: str, campaign_id: str) -> str:
    """The moment (ISO 8601, UTC) of the last look; empty if there was none."""
    return _read(_file(home, person)).get(campaign_id, "")


def note_look(home: Path, person: str, campaign_id: str) -> None:
    """They look now. A mark that cannot be kept is no reason not to show the page."""
    path = _file(home, person)
    marks = {**_read(path), campaign_id: iso(datetime.now(UTC))}
    newest = dict(sorted(marks.items(), key=lambda mark: mark[1])[-MOST:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(newest, file)
        os.replace(temporary, path)
    except OSError:
        return


def _file(home: Path, person: str) -> Path:
    # By a hash: a name is never a path.
    return home / "dashboard" / "looks" / f"{hashlib.sha256(person.encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
