"""Who may use a route: each names the one act that it takes, from which the table in the docs is made too."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute

from campaigns.people import MAY, Act, People, Role
from dashboard.acts import Acts
from dashboard.security import Guard, Visitor
from dashboard.security_headers import SAFE


@dataclass(frozen=True)
class Needs:
    """A dependency: the visitor, if they may do ``act`` (None: anybody who is signed in)."""

    act: Act | None

    def __call__(self, request: Request) -> Visitor:
        """The visitor. Errors: :class:`SignInRefused`, :class:`NotAllowed`."""
        guard: Guard = request.app.state.guard
        visitor = guard.visitor(request)
        if request.method not in SAFE:
            guard.check_csrf(request, visitor)
        if self.act is not None:
            visitor.person.require(self.act)
        return visitor


def _acts(request: Request) -> Acts:
    acts: Acts = request.app.state.acts
    return acts


def _people(request: Request) -> People:
    people: People = request.app.state.people
    return people


SignedIn = Annotated[Visitor, Depends(Needs(None))]
Reader = Annotated[Visitor, Depends(Needs(Act.READ))]
Stopper = Annotated[Visitor, Depends(Needs(Act.STOP))]
Auditor = Annotated[Visitor, Depends(Needs(Act.AUDIT))]
Explorer = Annotated[Visitor, Depends(Needs(Act.EXPLORE))]
Decider = Annotated[Visitor, Depends(Needs(Act.DECIDE))]
Clearer = Annotated[Visitor, Depends(Needs(Act.CLEAR))]
Confirmer = Annotated[Visitor, Depends(Needs(Act.CONFIRM))]
Rejecter = Annotated[Visitor, Depends(Needs(Act.REJECT_FIELD))]
Runner = Annotated[Visitor, Depends(Needs(Act.RUN))]
Promoter = Annotated[Visitor, Depends(Needs(Act.PROMOTE))]
Manager = Annotated[Visitor, Depends(Needs(Act.PEOPLE))]

Doing = Annotated[Acts, Depends(_acts)]
Everybody = Annotated[People, Depends(_people)]


@dataclass(frozen=True)
class Rule:
    """A route, and which roles may use it; ``open`` for those that take nobody to be signed in."""

    method: str
    path: str
    open: bool
    roles: frozenset[Role]


def rules(api: FastAPI) -> tuple[Rule, ...]:
    """The rules of all routes, in their order."""
    found = []
    for route in api.routes:
        if not isinstance(route, APIRoute):
            continue
        needs = next((one.call for one in route.dependant.dependencies if isinstance(one.call, Needs)), None)
        roles = frozenset(
            role for role in Role if needs is None or needs.act is None or needs.act in MAY[role]
        )
        found += [Rule(method, route.path, needs is None, roles) for method in sorted(route.methods or ())]
    return tuple(found)


def table(api: FastAPI) -> str:
    """The rules as a table in Markdown."""
    heading = ["method", "path", *Role, "nobody"]
    lines = [" | ".join(heading), " | ".join("---" for _ in heading)]
    for rule in rules(api):
        marks = ["yes" if role in rule.roles else "–" for role in Role]
        lines.append(" | ".join([rule.method, f"`{rule.path}`", *marks, "yes" if rule.open else "–"]))
    return "\n".join(f"| {line} |" for line in lines)
