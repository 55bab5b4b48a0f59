"""Serves a simulated lab over EPICS Channel Access, as a controller in a process of its own."""

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devices.errors import LabError
from devices.labfile import (
    LabFileLimits,
    load_class,
    make_reactors_and_microscopes,
    read_lab_file,
)
from devices.sections import LabFile
from sim.bench import SimulatedBench

if TYPE_CHECKING:
    from sim.ioc_channels import Database
    from sim.ioc_controller import Controller

HOST = "127.0.0.1"
LOOKS_PER_WATCHDOG = 20
PUBLISH_S = 0.2


def serve(
    lab_file: Path,
    *,
    seed: int,
    prefix: str,
    port: int,
    state_dir: Path,
    watchdog_s: float,
    real_time_factor: float | None = None,
    faults: Path | None = None,
) -> None:
    """Serve the reactors and microscopes of ``lab_file`` on this machine's ``port`` until interrupted.

    The plant is the one that ``load_lab(lab_file, seed=seed)`` has in process, and its journal is kept in
    ``state_dir`` in the same way. ``real_time_factor`` goes before the lab file's; ``faults`` is a scenario
    of what goes wrong. Errors: :class:`LabError` if the file describes no simulated lab, the scenario cannot
    be used, the port is taken, or caproto is missing.
    """
    file = read_lab_file(lab_file)
    bench_class, options = _plant(file, lab_file)
    _check_port(port)
    context, database_of, controller_of = _channel_access(port)
    if real_time_factor is not None:
        options["real_time_factor"] = real_time_factor
    factor = options.get("real_time_factor") or 0.0
    bench = bench_class(state_dir=state_dir, seed=seed, **{**options, "faults": faults})
    reactors, microscopes = make_reactors_and_microscopes(file, lab_file, LabFileLimits(lab_file), bench)
    for reactor in reactors:
        reactor.guard(file.interlocks(reactor.name))

    async def run() -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        controller = controller_of(
            bench,
            reactors,
            microscopes,
            watchdog_s=watchdog_s,
            real_time=factor > 0,
            changed=tell,
        )
        database = database_of(controller, prefix=prefix, lab=file.name, seed=seed, factor=factor)

        async def watch() -> None:
            while True:
                controller.look()
                await asyncio.sleep(watchdog_s / LOOKS_PER_WATCHDOG)

        async def publish() -> None:
            while True:
                await database.publish()
                changed.clear()
                try:
                    await asyncio.wait_for(changed.wait(), PUBLISH_S)
                except TimeoutError:
                    continue

        async def say(_: object) -> None:
            sys.stderr.write(
                f"Serving {file.name} (seed {seed}): {len(database)} PVs {prefix}… at {HOST}:{port}, "
                f"watchdog {watchdog_s:g} s, journal in {state_dir}; Ctrl-C ends it.\n"
            )
            sys.stderr.flush()

        await asyncio.gather(context(database, [HOST]).run(startup_hook=say), watch(), publish())

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        pass
    finally:
        bench.close()


def _plant(file: LabFile, path: Path) -> tuple[type[SimulatedBench], dict[str, Any]]:
    """The class of a lab file's simulated plant, and its options."""
    if file.backend is not None:
        bench_class = load_class(file.backend.class_, path)
        if isinstance(bench_class, type) and issubclass(bench_class, SimulatedBench):
            return bench_class, dict(file.backend.options)
    raise LabError(
        f"The lab file {path} has no simulated plant to serve; give that of a simulated lab, "
        "such as campaigns/library/labs/simulated-lmr.yaml."
    )


def _channel_access(port: int) -> tuple[Any, type["Database"], type["Controller"]]:
    """caproto's server, and what is served, once its environment says where."""
    # caproto reads its environment when it is imported and when a server is made.
    os.environ.update(
        EPICS_CA_SERVER_PORT=str(port),
        EPICS_CAS_INTF_ADDR_LIST=HOST,
        EPICS_CAS_BEACON_ADDR_LIST=HOST,
        EPICS_CAS_AUTO_BEACON_ADDR_LIST="NO",
    )
    try:
        from caproto.asyncio.server import Context

        from sim.ioc_channels import Database
        from sim.ioc_controller import Controller
    except ModuleNotFoundError as error:
        raise LabError(
            f"Serving a lab over EPICS needs caproto ({error}); "
            "install it with: pip install 'morpholoop[epics]'."
        ) from error
    logging.getLogger("caproto").setLevel(logging.CRITICAL)  # it logs a traceback for each refused write
    return Context, Database, Controller


def _check_port(port: int) -> None:
    # The server itself would share a taken port, and half of the answers would come from the other one.
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise LabError(
                    f"The port {port} cannot be served ({error.strerror}); choose another with --port."
                ) from error
