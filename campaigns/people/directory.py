"""The directory: who there is, in which role, with which password."""

import re
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from campaigns.people.errors import NoSuchPerson
from campaigns.people.events import Events
from campaigns.people.passwords import check_new, hashed
from campaigns.people.roles import Role
from campaigns.people.tables import PersonRow, SessionRow, TokenRow
from models.errors import UnusableInput

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class PersonRecord:
    """Somebody in the directory; without a password only a trusted proxy or a token lets them in."""

    name: str
    role: Role
    disabled: bool
    has_password: bool
    created_at: str
    updated_at: str


class Directory(Events):
    """Adding and changing people; each change says who made it."""

    def add(self, name: str, role: Role | str, password: str | None, *, by: str) -> PersonRecord:
        """A new person. Errors: :class:`UnusableInput` for a name that is taken, or an unusable password."""
        known, kind = usable_name(name), usable_role(role)
        kept = _kept(password, known)
        with self._write() as session:
            if session.get(PersonRow, known) is not None:
                raise UnusableInput(f"There is a person {known} already; choose another name.")
            at = self._at()
            row = PersonRow(name=known, role=kind, password=kept, created_at=at, updated_at=at)
            session.add(row)
            session.flush()
            self.note("person added", author=by, subject=known, facts={"role": str(kind)})
            return _record(row)

    def people(self) -> tuple[PersonRecord, ...]:
        """Everybody, by name."""
        with self._read() as session:
            return tuple(_record(row) for row in session.exec(select(PersonRow).order_by(PersonRow.name)))

    def person(self, name: str) -> PersonRecord:
        """Somebody. Errors: :class:`NoSuchPerson`."""
        with self._read() as session:
            return _record(self._person_row(session, name))

    def set_role(self, name: str, role: Role | str, *, by: str) -> PersonRecord:
        """Give a person another role, from now on. Errors: :class:`NoSuchPerson`, :class:`UnusableInput`."""
        kind = usable_role(role)
        with self._write() as session:
            row = self._person_row(session, name)
            self._keep_an_admin(session, row, stays=kind is Role.ADMIN)
            facts = {"from": row.role, "to": str(kind)}
            self._change(session, row.name, role=kind)
            self.note("role changed", author=by, subject=row.name, facts=facts)
            return _record(self._person_row(session, name))

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """Replace a password; whoever is signed in under the old one no longer is.

        Errors: :class:`NoSuchPerson`, :class:`UnusableInput`.
        """
        known = self.person(name).name
        kept = _kept(password, known)
        with self._write() as session:
            self._change(session, known, password=kept)
            self._sign_out_everywhere(session, known)
            self.note("password changed", author=by, subject=known)

    def set_disabled(self, name: str, disabled: bool, *, by: str, reason: str = "") -> PersonRecord:
        """Keep a person out (their sessions and tokens end at once), or let them in again.

        Errors: :class:`NoSuchPerson`, :class:`UnusableInput` for the last administrator.
        """
        with self._write() as session:
            row = self._person_row(session, name)
            self._keep_an_admin(session, row, stays=not disabled)
            self._change(session, row.name, disabled=disabled)
            if disabled:
                self._sign_out_everywhere(session, row.name)
                session.execute(
                    update(TokenRow)
                    .where(col(TokenRow.person) == row.name, col(TokenRow.revoked_at).is_(None))
                    .values(revoked_at=self._at())
                    .execution_options(synchronize_session=False)
                )
            act = "person disabled" if disabled else "person enabled"
            self.note(act, author=by, subject=row.name, reason=reason)
            return _record(self._person_row(session, name))

    def _keep_an_admin(self, session: Session, row: PersonRow, *, stays: bool) -> None:
        if stays or row.role != Role.ADMIN or row.disabled:
            return
        others = select(PersonRow).where(
            PersonRow.role == Role.ADMIN, col(PersonRow.disabled).is_(False), PersonRow.name != row.name
        )
        if session.exec(others).first() is None:
            raise UnusableInput(f"{row.name} is the only administrator; make another one first.")

    def _change(self, session: Session, name: str, **values: object) -> None:
        session.execute(
            update(PersonRow)
            .where(col(PersonRow.name) == name)
            .values(updated_at=self._at(), **values)
            .execution_options(synchronize_session=False)
        )

    def _sign_out_everywhere(self, session: Session, name: str) -> None:
        session.execute(
            delete(SessionRow)
            .where(col(SessionRow.person) == name)
            .execution_options(synchronize_session=False)
        )

    def _person_row(self, session: Session, name: str) -> PersonRow:
        row = session.get(PersonRow, name.strip().casefold(), populate_existing=True)
        if row is None:
            raise NoSuchPerson(f"There is no person {name}; `morpholoop user list` shows who there is.")
        return row


def usable_name(name: str) -> str:
    """The name as it is kept. Errors: :class:`UnusableInput`."""
    known = name.strip().casefold()
    if not NAME.fullmatch(known):
        raise UnusableInput(
            f"{name!r} cannot be a person's name; use up to 64 of a–z, 0–9 and ._@-, a letter or digit first."
        )
    return known


def usable_role(role: Role | str) -> Role:
    """The role of that name. Errors: :class:`UnusableInput`."""
    try:
        return Role(role)
    except ValueError:
        raise UnusableInput(f"There is no role {role!r}; choose one of {', '.join(Role)}.") from None


def _kept(password: str | None, name: str) -> str | None:
    if password is None:
        return None
    check_new(password, name)
    return hashed(password)


def _record(row: PersonRow) -> PersonRecord:
    return PersonRecord(
        row.name, Role(row.role), row.disabled, row.password is not None, row.created_at, row.updated_at
    )
