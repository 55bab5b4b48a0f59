"""Do viewers slow a campaign? The same dry run alone and with 50 viewers of it, in turns.

``python -m benchmarks.viewers`` prints the seconds of each run and their ratio: first alone, without a
dashboard, then with one and its viewers, a tenth of whom look at the campaign that runs, all beside a store
of 200 experiments. The viewers take processor time of the same machine, which real ones do not, so theirs is
told too. Ten minutes on two cores with nothing else to do; on a busy machine the ratio says nothing.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from benchmarks.dashboard import LIBRARY, PEOPLE, filled, serving, signed_in, viewer
from dashboard.security import COOKIE


def dry_run(home: Path, seed: int, iterations: int) -> float:
    """Seconds of a dry run of the membrane in ``home``, begun anew."""
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "dry-run",
        str(LIBRARY / "membrane.yaml"),
        "--fresh",
        "--json",
    ]
    ended = subprocess.run(
        [*command, "--seed", str(seed), "--iterations", str(iterations)],
        env={**os.environ, "MORPHOLOOP_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    # 1 is a campaign that ended without converging, as most do here; anything else is no measurement.
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"The dry run ended with status {ended.returncode} and measures nothing.")
    return time.perf_counter() - began


async def watched(
    base: str, cookies: list[str], viewers: int, home: Path, seed: int, iterations: int
) -> float:
    """Seconds of the same with viewers, who are there before it begins and stay until it ends."""
    until, got = asyncio.Event(), list[float]()
    pages = ["/campaigns", "/lab", "/approvals", "/audit"]
    first = [
        asyncio.create_task(viewer(base, cookies[n % PEOPLE], pages[n % len(pages)], until, got))
        for n in range(viewers - viewers // 10)
    ]
    while len(got) < len(first):
        await asyncio.sleep(0.1)
    run = asyncio.create_task(asyncio.to_thread(dry_run, home, seed, iterations))
    path = f"/campaigns/membrane-s{seed}-r1"
    async with httpx.AsyncClient(base_url=base, cookies={COOKIE: cookies[0]}, timeout=60) as client:
        while not run.done() and (await client.get(path)).status_code != httpx.codes.OK:
            await asyncio.sleep(0.5)
    more = [
        asyncio.create_task(viewer(base, cookies[n % PEOPLE], path, until, got)) for n in range(viewers // 10)
    ]
    took = await run
    until.set()
    messages = await asyncio.gather(*first, *more)
    print(f"  {sum(messages)} messages to {len(messages)} viewers")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=8, help="experiments of each dry run")
    parser.add_argument("--pairs", type=int, default=4)
    given = parser.parse_args()
    ratios = []
    for pair in tqdm(range(given.pairs), unit="pair"):
        with tempfile.TemporaryDirectory() as folder:
            home, seed = Path(folder), 100 + pair
            filled(home, 200, 25)
            alone = dry_run(home, seed, given.iterations)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            filled(home, 200, 25)
            cookies = signed_in(home)
            with serving(home) as (server, base):
                before, own = server.cpu_times(), time.process_time()
                among = asyncio.run(watched(base, cookies, given.viewers, home, seed, given.iterations))
                after, own = server.cpu_times(), time.process_time() - own
        load = (after.user + after.system - before.user - before.system) / among
        ratios.append(among / alone)
        print(
            f"alone {alone:.1f} s, with viewers {among:.1f} s: {ratios[-1]:.3f}; of one core the server took "
            f"{load:.0%}, the viewers themselves {own / among:.0%}",
            flush=True,
        )
    asked = Asked("viewers")
    asked.most("a campaign's time, with viewers over alone", statistics.median(ratios), 1.05)
    asked.end()


if __name__ == "__main__":
    main()
