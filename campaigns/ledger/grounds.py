"""What a decision is about: everything that a person was shown of a proposal, as canonical JSON."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from sqlmodel import Session, col, select

from campaigns.ledger.tables import ExperimentRow, MicrographRow, PredictionRow

Limits = Mapping[str, object]
"""The lab's limits as they are now, by set-point: dataclasses, numbers or texts; they are only compared."""


def grounds(session: Session, row: ExperimentRow, limits: Limits) -> str:
    """Conditions, limits, model version, predicted descriptors and predicted micrographs of a proposal."""
    pictures = (
        select(MicrographRow)
        .where(MicrographRow.experiment_id == row.id, MicrographRow.kind == "predicted")
        .order_by(col(MicrographRow.magnification), col(MicrographRow.field))
    )
    predictions = (
        select(PredictionRow)
        .where(PredictionRow.experiment_id == row.id)
        .order_by(col(PredictionRow.descriptor))
    )
    found = {
        "experiment": row.id,
        "conditions": row.conditions,
        "units": row.units,
        "limits": _plain(limits),
        "model": row.model_version,
        "predictions": [[one.descriptor, one.mean, one.sd, one.unit] for one in session.exec(predictions)],
        "predicted": [[one.magnification, one.field, one.sha256] for one in session.exec(pictures)],
    }
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def changes(then: str, now: str) -> str:
    """Names of what differs between two grounds, for a sentence."""
    before, after = json.loads(then), json.loads(now)
    return ", ".join(name for name in after if after[name] != before.get(name))


def shown_hash(row: ExperimentRow, found: str) -> str:
    """The hash that stands for one look at a proposal.

    It holds the revision too: what was shown before a move is not what is shown after it, though it looks
    alike, so that a decision cannot be sent a second time.
    """
    return sha256(json.dumps([row.revision, found], ensure_ascii=False))


def sha256(text: str) -> str:
    """Of a text's UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    """Limits in JSON's own types; what has no such form is told by its text, so that a change still shows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
