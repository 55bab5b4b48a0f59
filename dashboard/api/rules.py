"""Which role may use which route, as the routes themselves say it; the table in the docs is made of this."""

from dataclasses import dataclass

from fastapi.routing import APIRoute

from campaigns.people import MAY, Role
from dashboard.api.access import Needs
from dashboard.api.application import PARTS


@dataclass(frozen=True)
class Rule:
    """A route, and which roles may use it; ``open`` for those that take nobody to be signed in."""

    method: str
    path: str
    open: bool
    roles: frozenset[Role]


def rules() -> tuple[Rule, ...]:
    """The rules of all routes, in their order."""
    found = []
    for route in (route for part in PARTS for route in part.router.routes):
        assert isinstance(route, APIRoute)
        needs = next((one.call for one in route.dependant.dependencies if isinstance(one.call, Needs)), None)
        roles = frozenset(
            role for role in Role if needs is None or needs.act is None or needs.act in MAY[role]
        )
        found += [Rule(method, route.path, needs is None, roles) for method in sorted(route.methods or ())]
    return tuple(found)


def table() -> str:
    """The rules as a table in Markdown."""
    heading = ["method", "path", *Role, "nobody"]
    lines = [heading, ["---" for _ in heading]]
    for rule in rules():
        marks = ["yes" if role in rule.roles else "–" for role in Role]
        lines.append([rule.method, f"`{rule.path}`", *marks, "yes" if rule.open else "–"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table())
