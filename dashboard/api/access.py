"""Who may use a route: each names the one act that it takes, from which the table in the docs is made too."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from campaigns.people import Act, People
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
