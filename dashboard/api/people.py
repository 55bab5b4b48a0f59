"""People: adding them, their roles, passwords and tokens; for administrators."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from campaigns.people import Role
from dashboard.api.access import Everybody, Manager
from dashboard.api.session import Password
from dashboard.api.values import Answer, Body, Whole
from models.errors import UnusableInput

router = APIRouter(tags=["people"])

Name = Annotated[str, Field(min_length=1, max_length=64)]


class PersonAnswer(Answer):
    """Somebody; without a password they come through a trusted proxy or with a token."""

    name: str
    role: Role
    disabled: bool
    has_password: bool
    created_at: str
    updated_at: str


class PeopleAnswer(Answer):
    """Everybody, by name."""

    people: list[PersonAnswer]


class NewPerson(Body):
    """Somebody to add."""

    name: Name
    role: Role
    password: Password | None = None


class Change(Body):
    """What to change of somebody; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None
    reason: Annotated[str, Field(max_length=2000)] = ""


class NewToken(Body):
    """A token to make."""

    label: Annotated[str, Field(min_length=1, max_length=100)]
    days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenAnswer(Answer):
    """A token by its label, not the token itself."""

    id: int
    person: str
    label: str
    created_at: str
    expires_at: str
    revoked_at: str | None


class Tokens(Answer):
    """The tokens of a person."""

    tokens: list[TokenAnswer]


class MadeToken(Answer):
    """A new token; ``secret`` is shown here and never again."""

    token: TokenAnswer
    secret: str


@router.get("/people")
def everybody(visitor: Manager, people: Everybody) -> PeopleAnswer:
    """Everybody."""
    return PeopleAnswer(people=[PersonAnswer.model_validate(one) for one in people.people()])


@router.post("/people", status_code=201)
def add(visitor: Manager, people: Everybody, body: NewPerson) -> PersonAnswer:
    """Add somebody."""
    record = people.add(body.name, body.role, body.password, by=visitor.person.name)
    return PersonAnswer.model_validate(record)


@router.patch("/people/{name}")
def change(visitor: Manager, people: Everybody, name: str, body: Change) -> PersonAnswer:
    """Change a role or a password, or keep somebody out: sessions and tokens end at once."""
    by = visitor.person.name
    if not body.model_fields_set - {"reason"}:
        raise UnusableInput("Nothing is to be changed; give role, disabled or password.")
    with people.together():
        if body.role is not None:
            people.set_role(name, body.role, by=by)
        if body.password is not None:
            people.set_password(name, body.password, by=by)
        if body.disabled is not None:
            people.set_disabled(name, body.disabled, by=by, reason=body.reason)
        return PersonAnswer.model_validate(people.person(name))


@router.get("/people/{name}/tokens")
def tokens(visitor: Manager, people: Everybody, name: str) -> Tokens:
    """The tokens of a person."""
    return Tokens(tokens=[TokenAnswer.model_validate(one) for one in people.tokens(name)])


@router.post("/people/{name}/tokens", status_code=201)
def add_token(visitor: Manager, people: Everybody, name: str, body: NewToken) -> MadeToken:
    """Make a token; it is shown once."""
    secret, record = people.add_token(name, body.label, days=body.days, by=visitor.person.name)
    return MadeToken(token=TokenAnswer.model_validate(record), secret=secret)


@router.delete("/tokens/{token_id}")
def revoke(visitor: Manager, people: Everybody, token_id: Whole) -> TokenAnswer:
    """End a token now."""
    return TokenAnswer.model_validate(people.revoke_token(token_id, by=visitor.person.name))
