"""What people do with versions of the generator; on record like every act."""

from pathlib import Path

from campaigns.ledger import NotFound
from campaigns.people import Act, People, Person


class ModelActs:
    """Acts on the generators of one state directory."""

    def __init__(self, home: Path, people: People) -> None:
        self._home, self._people = home, people

    def promote(self, person: Person, version: str, reason: str = "") -> str:
        """Make a version of the generator the current one; returns the one before."""
        from models.generator import registry

        person.require(Act.PROMOTE)
        # By name alone: the registry would take a path, too.
        if version not in [one.name for one in registry.versions(self._home)]:
            raise NotFound(f"There is no version {version!r} of the generator.")
        before = registry.current(self._home)
        registry.promote(version, self._home)
        facts = {**person.facts, "before": before}
        self._people.note(
            "model promoted", author=person.name, subject=version, reason=reason.strip(), facts=facts
        )
        return before or ""

    def rollback(self, person: Person, reason: str = "") -> str:
        """Go back to the version that was current before; returns its name."""
        from models.generator import registry

        person.require(Act.PROMOTE)
        before, now = registry.current(self._home), registry.rollback(self._home)
        facts = {**person.facts, "before": before}
        self._people.note(
            "model rolled back", author=person.name, subject=now, reason=reason.strip(), facts=facts
        )
        return now
