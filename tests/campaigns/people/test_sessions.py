"""Sessions and sign-ins: how long they last, and how many wrong ones are looked at."""

import threading

import pytest

from campaigns.people import Role, SignInRefused, TooManyAttempts
from campaigns.people.sessions import csrf_token
from tests.campaigns.people.conftest import PASSWORD, on_both


@pytest.fixture
def secret(people, kim) -> str:
    return people.open_session(people.by_password("kim", PASSWORD, address="10.0.0.1"))[0]


def test_a_session_ends_when_nobody_asks_for_an_hour(people, secret, clock):
    for _ in range(4):
        clock.pass_(minutes=50)
        assert people.by_session(secret).person.name == "kim"
    clock.pass_(minutes=61)
    with pytest.raises(SignInRefused, match="has ended"):
        people.by_session(secret)


def test_a_page_that_asks_by_itself_keeps_no_session_alive(people, secret, clock):
    for _ in range(3):
        clock.pass_(minutes=19)
        people.by_session(secret, seen=False)
    clock.pass_(minutes=4)
    with pytest.raises(SignInRefused):
        people.by_session(secret, seen=False)


def test_a_session_ends_after_half_a_day_whoever_asks(people, secret, clock):
    for _ in range(24):
        clock.pass_(minutes=29)
        people.by_session(secret)
    clock.pass_(minutes=25)
    with pytest.raises(SignInRefused):
        people.by_session(secret)


def test_a_session_has_the_role_of_now_and_a_csrf_token_of_its_own(people, secret):
    record = people.by_session(secret)
    assert record.person.role is Role.OPERATOR
    assert record.csrf == csrf_token(secret) != csrf_token(secret + "x")
    people.set_role("kim", "viewer", by="ann")
    assert people.by_session(secret).person.role is Role.VIEWER


@on_both
def test_a_session_ends_with_sign_out_a_new_password_or_its_owner(people, kim, secret):
    def again() -> str:
        return people.open_session(people.by_password("kim", PASSWORD, address="10.0.0.1"))[0]

    other = again()
    people.close_session(secret)
    people.close_session(secret)
    with pytest.raises(SignInRefused):
        people.by_session(secret)
    assert people.by_session(other).person.name == "kim"
    people.set_disabled("kim", True, by="ann")
    with pytest.raises(SignInRefused):
        people.by_session(other)
    people.set_disabled("kim", False, by="ann")
    third = again()
    people.set_password("kim", "another long pass phrase", by="kim")
    with pytest.raises(SignInRefused):
        people.by_session(third)


def refused(people, name="kim", address="10.0.0.1", password="wrong") -> bool:
    """Whether the attempt was looked at and refused; False: it was not looked at."""
    try:
        people.by_password(name, password, address=address)
    except TooManyAttempts as many:
        return not 0 < many.retry_s <= 15 * 60 + 1
    except SignInRefused:
        return True
    raise AssertionError("let in")


@on_both
def test_five_wrong_ones_from_one_address_are_looked_at_in_a_quarter_of_an_hour(people, kim, clock):
    assert [refused(people) for _ in range(7)] == [True] * 5 + [False] * 2
    with pytest.raises(TooManyAttempts):
        people.by_password("kim", PASSWORD, address="10.0.0.1")
    assert people.by_password("kim", PASSWORD, address="10.0.0.2").name == "kim"
    clock.pass_(minutes=15, seconds=1)
    assert people.by_password("kim", PASSWORD, address="10.0.0.1").name == "kim"


def test_a_good_sign_in_begins_the_count_anew(people, kim, clock):
    for _ in range(3):
        for _ in range(4):
            assert refused(people)
        clock.pass_(seconds=1)
        people.by_password("kim", PASSWORD, address="10.0.0.1")
        clock.pass_(seconds=1)


def test_one_address_that_tries_many_names_is_stopped(people):
    looked = [refused(people, name=f"name{index}") for index in range(32)]
    assert looked == [True] * 30 + [False] * 2


def test_one_name_from_many_addresses_is_stopped(people, kim):
    looked = [refused(people, address=f"10.0.1.{index}") for index in range(52)]
    assert looked == [True] * 50 + [False] * 2


def test_somebody_who_is_not_there_is_refused_as_somebody_who_is(people, kim):
    told = set()
    for name, password in (("kim", "wrong"), ("nobody", PASSWORD), ("kim", "x" * 600)):
        with pytest.raises(SignInRefused) as error:
            people.by_password(name, password, address="10.0.0.9")
        told.add(str(error.value))
    assert told == {"The name or the password is wrong."}


def test_a_crowd_is_counted_too_and_does_not_wait_for_long(people, kim):
    """Thirty attempts at once, as one address may have: no more than five are looked at."""
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            people.by_password("kim", "wrong", address="10.0.0.1")
        except SignInRefused as refused:
            outcomes.append(type(refused).__name__)

    threads = [threading.Thread(target=attempt) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 30
    assert outcomes.count("SignInRefused") <= 5
