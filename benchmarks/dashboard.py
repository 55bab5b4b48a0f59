"""The dashboard with many viewers over a full store: time of each page, and the server's memory and load.

``python -m benchmarks.dashboard`` fills a state directory with 200 experiments and 5,000 micrographs, serves
it, lets 50 viewers look at it (each with a live connection, as a browser's page has), and asks for every page
meanwhile. About two minutes; ``--viewers``, ``--experiments`` and ``--fields`` make it smaller.
"""

import argparse
import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import socketio
import tifffile

from benchmarks.compared.asked import Asked
from campaigns.ledger import Ledger, Measurement, Micrograph, Prediction, State, ledger_path
from campaigns.people import People, Person, Role
from campaigns.specification import load
from campaigns.specification.policies import Budget
from dashboard.security import COOKIE
from models.values import Estimate, Interval

LIBRARY = Path(__file__).parents[1] / "campaigns" / "library"
DESCRIPTORS = (("phase_fraction", ""), ("correlation_length_um", "µm"))
PEOPLE = 5
PAGE_S, SERVER_MIB = 1.0, 600.0
"""Asked."""


def filled(home: Path, experiments: int, fields: int) -> str:
    """A state directory with one campaign; the id of the campaign. Fields share files, as disks are small."""
    file = load(LIBRARY / "membrane.yaml")
    campaign = file.model_copy(update={"budget": Budget(experiments=max(experiments, 200))})
    path = ledger_path(home, simulated=True)
    pictures = [_field(path.parent / "micrographs" / f"{n:02x}", n) for n in range(25)]
    with Ledger.open(path, simulated=True) as ledger:
        record = ledger.start_campaign(
            name=campaign.name,
            seed=0,
            specification=campaign.to_json(),
            digest=campaign.digest(),
            lab=str(campaign.lab),
            targets=campaign.targets(),
            units={**campaign.units(), **dict(DESCRIPTORS)},
            author="benchmark",
        )
        for index in range(1, experiments + 1):
            with ledger.together():
                _experiment(ledger, record.id, index, campaign.units(), pictures, fields)
    return record.id


def _field(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(number).normal(120, 25, (960, 1280)).clip(0, 255).astype(np.uint8)
    path = folder / "field.tif"
    resolution = (1e4 / 0.02, 1e4 / 0.02)
    tifffile.imwrite(path, pixels, resolution=resolution, resolutionunit="CENTIMETER")
    return path


def _experiment(
    ledger: Ledger, campaign: str, index: int, units: dict[str, str], pictures: list[Path], fields: int
) -> None:
    conditions = dict.fromkeys(units, 10.0 + index % 7)
    one = ledger.propose(
        campaign, index=index, conditions=conditions, units=units, model_version="gp+1", author="benchmark"
    )
    predictions = [Prediction(name, unit, Estimate(0.45, 0.02), "gp+1") for name, unit in DESCRIPTORS]
    ledger.record_predictions(one.id, predictions)
    ledger.approve(one.id, author="benchmark", role="policy", limits={}, expires_h=1.0)
    ledger.mint_dispatch_key(one.id, limits={}, author="benchmark")
    images = [
        Micrograph("measured", 5000, n, pictures[n % 25], f"{index:032x}{n:032x}", 0.02)
        for n in range(fields)
    ]
    ledger.record_micrographs(one.id, images)
    interval = Interval(0.4 + 0.0003 * index, 0.39, 0.42, 0.95, fields, fields)
    ledger.record_measurements(one.id, [Measurement(name, unit, interval) for name, unit in DESCRIPTORS])
    steps = [State.SYNTHESISED, State.IMAGED, State.QUANTIFIED, State.ACCEPTED, State.LEARNED]
    for before, after in zip([State.DISPATCHING, *steps], steps, strict=False):
        facts = {"fields": fields, "representative": True} if after is State.QUANTIFIED else {}
        ledger.transition(one.id, before, after, author="benchmark", **facts)


async def viewer(base: str, cookie: str, path: str, until: asyncio.Event, got: list[float]) -> int:
    """Open a page as a browser does and stay; how many messages came."""
    count = 0
    async with httpx.AsyncClient(base_url=base, cookies={COOKIE: cookie}, timeout=60) as client:
        began = time.perf_counter()
        page = await client.get(path)
        got.append(time.perf_counter() - began)
    found = re.search(r"'client_id': '([0-9a-f-]+)'", page.text)
    assert found is not None, page.text[:500]
    live = socketio.AsyncClient()

    async def take(*_: object) -> None:
        nonlocal count
        count += 1

    live.on("*", take)
    where = {"client_id": found[1], "tab_id": found[1], "document_id": found[1]}
    asked = "&".join(f"{name}={value}" for name, value in {**where, "implicit_handshake": "true"}.items())
    await live.connect(
        f"{base}?{asked}",
        headers={"Cookie": f"{COOKIE}={cookie}"},
        transports=["websocket"],
        socketio_path="/_nicegui_ws/socket.io",
    )
    await until.wait()
    await live.disconnect()
    return count


async def share(server: psutil.Process, every_second: Callable[[], None]) -> float:
    """The share of one core that the server takes over ten seconds."""
    before, began = server.cpu_times(), time.perf_counter()
    for _ in range(10):
        await asyncio.to_thread(every_second)
        await asyncio.sleep(1)
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / (time.perf_counter() - began)


async def measure(
    base: str, cookies: list[str], viewers: int, campaign: str, server: psutil.Process, home: Path
) -> Asked:
    """Ask for every page while all viewers look."""
    pages = ["/campaigns", f"/campaigns/{campaign}", f"/micrographs/{campaign}-100", "/lab", "/approvals"]
    until, got = asyncio.Event(), []
    looking = [
        asyncio.create_task(viewer(base, cookies[n % PEOPLE], pages[n % len(pages)], until, got))
        for n in range(viewers)
    ]
    while len(got) < viewers:
        await asyncio.sleep(0.1)
    median = statistics.median(got)
    print(f"{viewers} viewers at the same moment: page in {median:.2f} s (median), {max(got):.2f} s at most")
    await asyncio.sleep(3)
    times: dict[str, list[float]] = {}
    shown = [*pages, f"/micrographs?campaign={campaign}", f"/approvals/{campaign}-100", "/models", "/audit"]
    async with httpx.AsyncClient(base_url=base, cookies={COOKIE: cookies[0]}, timeout=60) as client:
        print(f"server, nothing new: {100 * await share(server, lambda: None):.0f} % of one core")
        with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
            written = await share(server, lambda: ledger.add_time(campaign, seconds=1.0))
        print(f"server, the campaign is written to every second: {100 * written:.0f} % of one core")
        for _ in range(5):
            for path in shown:
                began = time.perf_counter()
                answer = await client.get(path)
                answer.raise_for_status()
                times.setdefault(path, []).append(time.perf_counter() - began)
    for path, seconds in times.items():
        print(f"{path:<40} median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")
    asked = Asked("dashboard")
    for path, seconds in times.items():
        asked.most(f"page {path.replace(campaign, 'NAME')}", statistics.median(seconds), PAGE_S, "s")
    asked.most("server's memory", server.memory_info().rss / 2**20, SERVER_MIB, "MiB")
    until.set()
    await asyncio.gather(*looking)
    return asked


def signed_in(home: Path) -> list[str]:
    """Session cookies of some people."""
    with People.open(home) as people:
        for n in range(PEOPLE):
            people.add(f"viewer{n}", Role.SCIENTIST, None, by="benchmark")
        return [
            people.open_session(Person(f"viewer{n}", Role.SCIENTIST, "password"))[0] for n in range(PEOPLE)
        ]


@contextmanager
def serving(home: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The dashboard in a process of its own, and its address, as soon as it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "dashboard", "--port", str(port)],
        env={**os.environ, "MORPHOLOOP_HOME": str(home)},
    )
    try:
        base = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(f"{base}/sign-in", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield psutil.Process(process.pid), base
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--fields", type=int, default=25, help="Micrographs of each experiment.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        began = time.perf_counter()
        campaign = filled(home, given.experiments, given.fields)
        print(
            f"{given.experiments * given.fields} micrographs, written in {time.perf_counter() - began:.0f} s"
        )
        cookies = signed_in(home)
        began = time.perf_counter()
        with serving(home) as (server, base):
            memory = server.memory_info().rss / 2**20
            print(f"server up in {time.perf_counter() - began:.1f} s, {memory:.0f} MiB")
            asked = asyncio.run(measure(base, cookies, given.viewers, campaign, server, home))
    asked.end()


if __name__ == "__main__":
    main()
