"""A real browser: headless Chromium, driven by Selenium, that keeps what it asked for and complained of."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 60.0


def programs() -> tuple[str, str] | None:
    """Chromium and its driver; None where one of them is missing."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One person's browser."""

    def __init__(self, base: str, width: int = 1280) -> None:
        found = programs()
        assert found is not None
        options = webdriver.ChromeOptions()
        options.binary_location = found[0]
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.add_argument(f"--window-size={width},900")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.base = base
        self.driver = webdriver.Chrome(options=options, service=Service(found[1]))
        self.asked: set[str] = set()
        self.complaints: list[str] = []

    def go(self, path: str) -> None:
        """Open a page."""
        self.driver.get(self.base + path)

    def sign_in(self, name: str, password: str) -> None:
        """Sign in by the form, from wherever we are."""
        if "/sign-in" not in self.driver.current_url:
            self.go("/sign-in")
        self.driver.find_element(By.NAME, "name").send_keys(name)
        self.driver.find_element(By.NAME, "password").send_keys(password + "\n")
        self.sees("STOP")

    def text(self) -> str:
        """What the page says now."""
        return str(self.driver.execute_script("return document.body ? document.body.innerText : ''"))

    def sees(self, text: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until the page says ``text``."""
        self.until(lambda: text in self.text(), f"{text!r} on the page", patience_s)

    def misses(self, text: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until the page no longer says ``text``."""
        self.until(lambda: text not in self.text(), f"no {text!r} on the page", patience_s)

    def until(self, holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                if holds():
                    return
            except (StaleElementReferenceException, WebDriverException):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}; the page says:\n{self.text()[:3000]}")
            time.sleep(0.1)

    def button(self, text: str) -> WebElement:
        """A button by its text."""
        path = f"//button[normalize-space(.)={json.dumps(text)}]"
        self.until(lambda: bool(self.driver.find_elements(By.XPATH, path)), f"a button {text!r}")
        return self.driver.find_element(By.XPATH, path)

    def press(self, text: str) -> None:
        """Press a button."""
        button = self.button(text)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def field(self, label: str) -> WebElement:
        """A field by its label."""
        for tag in ("input", "textarea"):
            found = self.driver.find_elements(By.CSS_SELECTOR, f"{tag}[aria-label^={json.dumps(label)}]")
            if found:
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[0])
                return found[0]
        raise AssertionError(f"there is no field {label!r}")

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a list."""
        path = f"//label[.//*[text()={json.dumps(label)}]]"
        self.until(lambda: self.driver.find_element(By.XPATH, path).is_displayed(), f"a list {label!r}")
        time.sleep(0.5)  # what unfolds still moves
        self.driver.find_element(By.XPATH, path).click()
        item = f"//*[contains(@class, 'q-item')]//*[text()={json.dumps(option)}]"
        self.until(lambda: self.driver.find_element(By.XPATH, item).is_displayed(), f"the option {option!r}")
        self.driver.find_element(By.XPATH, item).click()

    def note(self) -> None:
        """Take down what was asked for and complained of since the last time."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.asked.add(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                self.asked.add(message["params"]["url"])
        self.complaints += [
            entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "DEBUG"
        ]

    def strangers(self) -> set[str]:
        """Everything asked for that is not the dashboard's own."""
        self.note()
        own = urlsplit(self.base).netloc
        inside = ("data", "blob", "about", "chrome")
        return {url for url in self.asked if (p := urlsplit(url)).netloc != own and p.scheme not in inside}

    def close(self) -> None:
        """Close the browser."""
        self.driver.quit()


@contextmanager
def browsing(base: str, width: int = 1280) -> Iterator[Browser]:
    """A browser that is closed at the end."""
    browser = Browser(base, width)
    try:
        yield browser
    finally:
        browser.close()


class Server:
    """A dashboard in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "cli.main", "dashboard", "--port", str(self.port)]
        environment = {**os.environ, "MORPHOLOOP_HOME": str(self.home)}
        environment.pop("NICEGUI_USER_SIMULATION", None)
        with (self.home / "dashboard.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.base}/sign-in", timeout=5):
                    return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)
