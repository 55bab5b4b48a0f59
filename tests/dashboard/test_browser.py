"""The dashboard in a real browser, over a real server and real campaigns, from the first start on."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from campaigns.people import People
from campaigns.people.sessions import IDLE
from tests.conftest import LIBRARY
from tests.dashboard.browser import Browser, Server, browsing, programs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.skipif(programs() is None, reason="Chromium and its driver are not installed"),
    # Selenium leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PAGES = ("/lab", "/campaigns", "/approvals", "/micrographs", "/models", "/explore", "/audit", "/people")
PASSWORD = "a long enough pass phrase"


def _run(home: Path, *arguments: str, input_: str = "") -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**os.environ, "MORPHOLOOP_HOME": str(home)},
        input=input_,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A dashboard over an empty state directory with one campaign file ready, and its first administrator."""
    home = tmp_path_factory.mktemp("window")
    campaign = yaml.safe_load((LIBRARY / "membrane.yaml").read_text())
    campaign |= {"name": "tiny", "budget": {"experiments": 1}, "approval": {"policy": "always"}}
    campaign |= {"optimiser": {"particles": 5, "iterations": 3}}
    labs = home / "campaigns" / "labs"
    labs.mkdir(parents=True)
    (labs / "simulated-membrane.yaml").write_text((LIBRARY / "labs" / "simulated-membrane.yaml").read_text())
    (labs.parent / "tiny.yaml").write_text(yaml.safe_dump(campaign))
    _run(home, "user", "add", "ann", "--role", "admin", "--password-stdin", input_=PASSWORD + "\n")
    with People.open(home) as people:
        for name in ("olga", "otto"):
            people.add(name, "operator", PASSWORD, by="test")
    found = Server(home)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def browser(server) -> Iterator[Browser]:
    with browsing(server.base) as found:
        yield found
        assert found.strangers() == set()
        lost = ("ERR_CONNECTION_REFUSED", "WebSocket connection", "ERR_EMPTY_RESPONSE", "reloading because")
        assert [one for one in found.complaints if not any(word in one for word in lost)] == []


def _status(server: Server, campaign: str) -> dict[str, object]:
    status: dict[str, object] = json.loads(_run(server.home, "campaign", "status", campaign, "--json"))
    return status


def test_from_the_first_sign_in_through_an_edit_and_a_race_to_the_report(server, browser):
    browser.go("/")
    browser.sees("Sign in")
    browser.sign_in("ann", PASSWORD)
    browser.sees("No campaign yet")
    # The tiny one in place of the demonstration, by the same way.
    browser.driver.find_element("xpath", "//*[text()='Start a campaign']").click()
    browser.choose("File", "tiny")
    browser.press("Start")
    browser.sees("tiny-s0-r1", 120)
    # Live, without a reload: the proposal comes, and the navigation counts it.
    browser.until(lambda: bool(browser.driver.find_elements("css selector", "nav .count")), "a count", 120)

    browser.go("/approvals/tiny-s0-r1-001")
    browser.sees("SIMULATED")
    browser.field("Comment").send_keys("warmer")
    browser.driver.find_element("xpath", "//*[text()='Propose other conditions in its place']").click()
    browser.until(lambda: browser.button("Propose these instead").is_displayed(), "the conditions")
    warmer = browser.field("bath_temperature_C")
    warmer.send_keys("\ue009a\ue000" + "31")
    browser.press("Propose these instead")
    browser.sees("Proposed as experiment 2")

    browser.go("/approvals/tiny-s0-r1-002")
    browser.sees("edited by ann: warmer")
    browser.sees("31 °C")
    with browsing(server.base) as other:
        other.sign_in("otto", PASSWORD)
        other.go("/approvals/tiny-s0-r1-002")
        for one in (browser, other):
            one.until(lambda one=one: one.button("Approve exactly this").is_enabled(), "a prediction", 150)
        browser.press("Approve exactly this")
        browser.sees("approved by ann")
        # The other one's page says so by itself, and has no button any more.
        other.sees("approved by ann")
        other.misses("Approve exactly this")
        assert other.strangers() == set()

    browser.go("/campaigns/tiny-s0-r1")
    browser.until(lambda: "budget spent" in browser.text() or "converged" in browser.text(), "the end", 200)
    found = _status(server, "tiny-s0-r1")
    assert [one["state"] for one in found["iterations"]] == ["rejected", "learned"]
    assert [one["reactor_starts"] for one in found["iterations"]] == [0, 1]
    assert found["iterations"][1]["conditions"]["bath_temperature_C"] == 31
    link = browser.driver.find_element("link text", "Report").get_attribute("href")
    browser.driver.get(link)
    browser.sees("Experiment 2")

    browser.go("/micrographs/tiny-s0-r1-002")
    browser.sees("Are these fields enough?")
    thumb = browser.driver.find_element("css selector", "button.thumb")
    width = "arguments[0].querySelector('img').naturalWidth"
    loaded = f"return {width} > 0"
    browser.until(lambda: bool(browser.driver.execute_script(loaded, thumb)), "a picture")
    thumb.click()
    browser.sees("This field alone", 120)
    browser.sees("phase_fraction")

    browser.go("/audit")
    browser.press("Verify now")
    browser.until(lambda: browser.text().count("untouched") >= 3, "both chains")
    assert "BROKEN" not in browser.text()


@pytest.fixture
def slow_campaign(server) -> Iterator["subprocess.Popen[bytes]"]:
    """A campaign whose batches take minutes, driven by a process that nobody at the dashboard began."""
    import os

    file = server.home / "campaigns" / "tiny.yaml"
    campaign = yaml.safe_load(file.read_text()) | {"name": "slow", "approval": {"policy": "never"}}
    slow = file.with_name("slow.yaml")
    slow.write_text(yaml.safe_dump(campaign))
    command = [sys.executable, "-m", "cli.main", "dry-run", str(slow), "--real-time-factor", "20"]
    with (server.home / "slow.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "MORPHOLOOP_HOME": str(server.home)}, stdout=log, stderr=log
        )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def test_a_dashboard_that_dies_is_no_matter_and_stop_stops(server, browser, slow_campaign):
    browser.go("/sign-in")
    browser.sign_in("olga", PASSWORD)
    browser.go("/lab")
    browser.sees("driven now", 120)
    browser.until(lambda: "slow-s0-r1-001" in browser.text(), "a batch", 120)

    server.kill()
    browser.sees("Connection lost", 30)
    assert slow_campaign.poll() is None
    server.start()
    # By itself, and still signed in.
    browser.misses("Connection lost", 60)
    browser.sees("driven now", 60)
    assert slow_campaign.poll() is None

    browser.press("STOP")
    browser.sees("STOPPED (")
    browser.sees("has stopped the lab")
    snapshot = json.loads((server.home / "simulated" / "labs" / "slow-s0-r1" / "lab.json").read_text())
    assert snapshot["last_stop"]["author"] == "olga"
    # On every page, until it is taken back.
    browser.go("/models")
    browser.sees("Nothing starts until this is taken back")
    browser.go("/lab")
    browser.press("Take the stop back: the lab may be started again")
    browser.misses("Nothing starts until this is taken back")


def test_a_session_that_ends_closes_the_page(server, browser):
    browser.go("/sign-in")
    browser.sign_in("otto", PASSWORD)
    browser.go("/models")
    browser.sees("Versions")
    with People.open(server.home, now=lambda: datetime.now(UTC) - IDLE + timedelta(minutes=10)) as earlier:
        # As if they had left an hour ago: nothing but time ends it.
        from sqlmodel import select

        from campaigns.ledger.store import iso
        from campaigns.people.tables import SessionRow

        with earlier._write() as session:
            for row in session.exec(select(SessionRow).where(SessionRow.person == "otto")):
                row.seen_at = iso(datetime.now(UTC) - IDLE)
    browser.until(lambda: "/sign-in" in browser.driver.current_url, "the sign-in")
    browser.sees("Your session has ended")


@pytest.mark.parametrize("width", [1280, 820])
def test_every_page_fits_and_can_be_worked_by_keyboard(server, width):
    with browsing(server.base, width) as browser:
        browser.sign_in("ann", PASSWORD)
        for path in (
            "/lab",
            "/campaigns",
            "/approvals",
            "/micrographs",
            "/models",
            "/explore",
            "/audit",
            "/people",
        ):
            began = time.monotonic()
            browser.go(path)
            browser.sees("STOP")
            assert time.monotonic() - began < 10
            sizes = "return [document.documentElement.scrollWidth, window.innerWidth]"
            page, window = browser.driver.execute_script(sizes)
            assert page <= window, path
            unnamed = browser.driver.execute_script(
                "return [...document.querySelectorAll('button, a, input:not([type=hidden]), img')]"
                ".filter(e => (e.tagName === 'IMG' || e.tabIndex >= 0)"
                " && !(e.innerText || e.ariaLabel || e.alt || e.title || e.labels?.length"
                " || e.getAttribute('aria-label') || e.querySelector('img[alt]'))).map(e => e.outerHTML)"
            )
            assert unnamed == [], path
        # STOP is reached with the keyboard alone.
        reached = False
        for _ in range(20):
            browser.driver.switch_to.active_element.send_keys("\ue004")
            reached = reached or browser.driver.switch_to.active_element.text == "STOP"
        assert reached
        assert browser.strangers() == set()
        assert browser.complaints == []
