"""Who there is: names, roles, passwords, tokens, and the last administrator."""

from pathlib import Path

import pytest
from alembic import command

from campaigns.people import NoSuchPerson, NotAllowed, People, Person, Role, SignInRefused
from campaigns.people.people import MIGRATIONS
from campaigns.people.roles import Act
from models.errors import UnusableInput
from tests.campaigns.people.conftest import PASSWORD, on_both


@on_both
def test_migrations_make_the_tables_and_go_down_and_up_again(people):
    with people._write() as session:
        config = MIGRATIONS.config()
        config.attributes["connection"] = session.connection()
        command.check(config)
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        command.check(config)


def test_people_are_added_once_and_under_a_usable_name(people, kim):
    assert people.person(" KIM ").role is Role.OPERATOR
    with pytest.raises(UnusableInput, match="is a person kim already"):
        people.add("Kim", "viewer", PASSWORD, by="ann")
    for name in ("", " ", "a b", "../x", "é", "a" * 65, "-x"):
        with pytest.raises(UnusableInput, match="cannot be a person's name"):
            people.add(name, "viewer", PASSWORD, by="ann")
    with pytest.raises(NoSuchPerson):
        people.person("nobody")


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 513, "aaaaaaaaaaaaaaaa", "kimkimkimkim", "averylongname"]
)
def test_weak_passwords_are_refused_and_nobody_is_added(people, password):
    with pytest.raises(UnusableInput):
        people.add("averylongname", "viewer", password, by="ann")
    assert people.people() == ()


def test_a_password_is_kept_as_a_salted_hash(people, kim, home):
    people.add("lee", "operator", PASSWORD, by="ann")
    with people._read() as session:
        kept = session.connection().exec_driver_sql("SELECT password FROM person").scalars().all()
    assert len(set(kept)) == 2
    assert all(one.startswith("$argon2id$") and PASSWORD not in one for one in kept)


def test_an_older_hash_is_made_anew_when_its_owner_signs_in(people, kim, monkeypatch):
    from argon2 import PasswordHasher

    costlier = PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)
    monkeypatch.setattr("campaigns.people.passwords._hasher", costlier)
    people.by_password("kim", PASSWORD, address="terminal")
    with people._read() as session:
        (kept,) = session.connection().exec_driver_sql("SELECT password FROM person").scalars().all()
    assert "m=128,t=2" in kept
    assert people.by_password("kim", PASSWORD, address="terminal").name == "kim"


def test_there_is_always_an_administrator(people):
    people.add("ann", "admin", PASSWORD, by="root")
    for change in (
        lambda: people.set_disabled("ann", True, by="ann"),
        lambda: people.set_role("ann", "viewer", by="ann"),
    ):
        with pytest.raises(UnusableInput, match="only administrator"):
            change()
    people.add("bob", "admin", None, by="ann")
    people.set_role("ann", "viewer", by="bob")
    with pytest.raises(UnusableInput, match="only administrator"):
        people.set_disabled("bob", True, by="bob")


@on_both
def test_a_token_lives_until_it_ends_is_revoked_or_its_owner_is_disabled(people, kim, clock):
    short, first = people.add_token("kim", "short", days=1, by="ann")
    long, second = people.add_token("kim", "long", days=366, by="ann")
    lasting, _ = people.add_token("kim", "lasting", days=366, by="ann")
    assert people.by_token(short) == Person("kim", Role.OPERATOR, "token")
    clock.pass_(days=1)
    for token in (short, short + "x", "", "mlt_"):
        with pytest.raises(SignInRefused):
            people.by_token(token)
    people.revoke_token(second.id, by="ann")
    with pytest.raises(SignInRefused):
        people.by_token(long)
    people.set_disabled("kim", True, by="ann")
    people.set_disabled("kim", False, by="ann")
    with pytest.raises(SignInRefused):
        people.by_token(lasting)
    with pytest.raises(UnusableInput, match="1 to 366 days"):
        people.add_token("kim", "for ever", days=367, by="ann")
    assert [token.label for token in people.tokens("kim")] == ["short", "long", "lasting"]
    assert first.revoked_at is None


@on_both
def test_each_change_is_on_record_with_who_made_it(people, kim):
    people.set_role("kim", "scientist", by="ann")
    people.set_password("kim", "another long pass phrase", by="kim")
    token = people.add_token("kim", "x", by="kim")[1]
    people.revoke_token(token.id, by="ann")
    people.revoke_token(token.id, by="ann")
    people.set_disabled("kim", True, by="ann", reason="left")
    found = [(one.author, one.what, one.subject) for one in reversed(people.audit())]
    assert found == [
        ("ann", "person added", "kim"),
        ("ann", "role changed", "kim"),
        ("kim", "password changed", "kim"),
        ("kim", "token made", "kim"),
        ("ann", "token revoked", "kim"),
        ("ann", "person disabled", "kim"),
    ]
    assert people.audit()[0].reason == "left"
    assert people.verify_chain().holds


def test_a_role_that_may_not_is_told_who_may():
    viewer = Person("vera", Role.VIEWER, "session")
    with pytest.raises(NotAllowed, match=r"vera is a viewer and may not start, pause.*: scientist, admin"):
        viewer.require(Act.RUN)


def test_only_the_account_of_the_lab_reads_the_file(home: Path):
    with People.open(home):
        assert (home / "people.db").stat().st_mode & 0o077 == 0
