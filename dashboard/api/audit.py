"""The audit: who did what when, and whether the record is untouched."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from campaigns.ledger import AuditFilter
from campaigns.people import auditing
from dashboard.api.access import Auditor, Doing, Everybody
from dashboard.api.values import Answer

router = APIRouter(prefix="/audit", tags=["audit"])

Text = Annotated[str, Query(max_length=200)]
Most = Annotated[int, Query(ge=1, le=1000)]


class Entry(Answer):
    """One act or move."""

    store: str
    id: int
    at: str
    author: str
    what: str
    subject: str
    reason: str
    address: str
    facts: dict[str, Any]
    hash: str


class Entries(Answer):
    """Entries, the newest first; older ones: ask again with ``until`` the last one's ``at``."""

    entries: list[Entry]


class Chain(Answer):
    """One store's chain; ``broken`` is the id of the first row that does not fit."""

    store: str
    holds: bool
    rows: int
    head: str
    broken: int | None
    fault: str


class Chains(Answer):
    """Whether no record was changed, removed or added."""

    holds: bool
    stores: list[Chain]


@router.get("")
def entries(
    visitor: Auditor,
    acts: Doing,
    people: Everybody,
    who: Text = "",
    what: Text = "",
    about: Text = "",
    since: Text = "",
    until: Text = "",
    limit: Most = 100,
) -> Entries:
    """What people did and how experiments moved, the newest first; times in ISO 8601."""
    wanted = AuditFilter(who, what, about, auditing.moment(since), auditing.moment(until), limit)
    found = auditing.entries(acts.home, people, wanted)
    return Entries(entries=[Entry.model_validate(one) for one in found])


@router.get("/export", response_class=Response)
def export(visitor: Auditor, acts: Doing, people: Everybody, since: Text = "", until: Text = "") -> Response:
    """The whole record, or that of a time, as CSV with every hash."""
    wanted = AuditFilter(since=auditing.moment(since), until=auditing.moment(until), most=1_000_000)
    text = auditing.as_csv(auditing.entries(acts.home, people, wanted))
    name = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=name)


@router.get("/verify")
def verify(visitor: Auditor, acts: Doing, people: Everybody) -> Chains:
    """Follow every chain from its beginning."""
    checks = auditing.verify(acts.home, people)
    return Chains(
        holds=all(one.holds for one in checks), stores=[Chain.model_validate(one) for one in checks]
    )
