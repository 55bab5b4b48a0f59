"""Versions of the generator: which there are, how good, and which is current."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath

from campaigns.ledger import NotFound
from dashboard.api.access import Doing, Promoter, Reader
from dashboard.api.values import Answer, Number, PerhapsBecause

router = APIRouter(prefix="/models", tags=["models"])

VersionName = Annotated[str, InPath(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]


class VersionRow(Answer):
    """A version; ``problem`` says why it cannot be used, else it is empty. R² by split and descriptor.

    ``r2_of``: the version that they were taken on; a fine-tuned one has those of the version it comes from.
    """

    version: str
    current: bool
    shipped: bool
    problem: str
    created: str | None
    parent: str | None
    material: str | None
    simulated: bool | None
    r2: dict[str, dict[str, Number]]
    r2_of: str | None


class Looked(Answer):
    """When it was last looked whether to retrain, what came of it, and when it will be looked again."""

    at: str
    simulated: bool
    due: bool
    reason: str
    next_at: str


class Versions(Answer):
    """All versions, the shipped ones first."""

    models: list[VersionRow]
    current: str | None
    retraining: Looked | None


class Promoted(Answer):
    """The version that is current now, and the one before."""

    current: str
    before: str


@router.get("")
def versions(visitor: Reader, acts: Doing) -> Versions:
    """All versions."""
    from models.generator import registry
    from models.generator.retraining import read_check

    rows = []
    for one in registry.versions(acts.home):
        record = one.record
        rows.append(
            VersionRow(
                version=one.name,
                current=one.current,
                shipped=one.shipped,
                problem=one.problem,
                created=record.created if record else None,
                parent=record.lineage.parent if record else None,
                material=record.inputs.material if record else None,
                simulated=record.inputs.simulated if record else None,
                r2={
                    split: {name: score.r2 for name, score in scores.items()}
                    for split, scores in (record.metrics.descriptors.items() if record else ())
                },
                r2_of=(record.metrics.taken_on or record.version) if record else None,
            )
        )
    check = read_check(acts.home)
    looked = None if check is None else Looked(**check.model_dump())
    return Versions(models=rows, current=registry.current(acts.home), retraining=looked)


@router.get("/{version}")
def version(visitor: Reader, acts: Doing, version: VersionName) -> dict[str, Any]:
    """One version: what it knows, how good it is, where it comes from."""
    import json

    from models.generator import registry

    for one in registry.versions(acts.home):
        if one.name == version and one.record is not None:
            # By its own JSON, in which what is undefined is null.
            text = one.record.model_dump_json(exclude={"trained_on", "held_out"})
            return {**json.loads(text), "current": one.current, "shipped": one.shipped}
    raise NotFound(f"There is no version {version}.")


@router.post("/rollback")
def rollback(visitor: Promoter, acts: Doing, body: PerhapsBecause) -> Promoted:
    """Go back to the version that was current before."""
    from models.generator import registry

    before = registry.current(acts.home) or ""
    return Promoted(current=acts.models.rollback(visitor.person, body.reason), before=before)


@router.post("/{version}/promote")
def promote(visitor: Promoter, acts: Doing, version: VersionName, body: PerhapsBecause) -> Promoted:
    """Make a version the current one, from now on."""
    return Promoted(current=version, before=acts.models.promote(visitor.person, version, body.reason))
