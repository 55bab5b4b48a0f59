"""`morpholoop campaign export`, `import` and `resume`."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from cli.driving import drive
from cli.ledgers import person, the_campaign
from cli.output import console, emit

AsJson = typer.Option(False, "--json", help="Print one JSON object.")
CampaignId = typer.Argument(None, help="Campaign id (default: the newest).")


def export(
    campaign_id: str | None = CampaignId,
    out: Path = typer.Option(..., "--out", help="New folder, or a file that ends in .zip."),
    as_json: bool = AsJson,
) -> None:
    """Write a whole campaign into a folder: records, micrographs, documents, models made here, report.

    The folder is an RO-Crate with the SHA-256 of every file, and another installation takes it in with
    `campaign import`. Example: morpholoop campaign export --out shared/first.zip
    """
    from flows.archiving import export as write
    from models.errors import UnusableInput
    from models.home import state_directory

    zipped = out.suffix == ".zip"
    if zipped and out.exists():
        raise UnusableInput(f"{out} exists already; give a name that does not.")
    with the_campaign(campaign_id) as (ledger, record), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / out.stem if zipped else out.absolute()
        with console.status(f"Exporting {record.id}"):
            write(ledger, record.id, state_directory(), folder)
            if zipped:
                out.parent.mkdir(parents=True, exist_ok=True)
                written = shutil.make_archive(str(Path(temporary) / "whole"), "zip", temporary, out.stem)
                incoming = out.with_name(f".{out.name}.writing")
                shutil.move(written, incoming)
                incoming.replace(out)
    emit({"campaign": record.id, "folder": out}, as_json, lambda: f"{record.id} is in {out}.")


def import_(
    folder: Path = typer.Argument(..., help="Folder or .zip that `campaign export` wrote."),
    as_json: bool = AsJson,
) -> None:
    """Take in a campaign of another installation, to look at and to learn from; it does not go on here.

    Example: morpholoop campaign import shared/first.zip
    """
    from flows.archiving import take_in
    from flows.opening import open_ledger
    from flows.reporting import write_report
    from models.home import state_directory

    home = state_directory()
    with _unpacked(folder) as crate, console.status(f"Checking and copying {folder}"):
        record = take_in(crate, home, person())
        with open_ledger(home, simulated=record.simulated) as ledger:
            found = write_report(ledger, record.id, home)
    emit(
        {"campaign": record.id, "status": str(record.status), "report": found.report},
        as_json,
        lambda: f"{record.id} is here: {record.status}, {len(found.iterations)} experiments, {found.report}.",
    )


def resume(
    campaign_id: str | None = CampaignId,
    reason: str = typer.Option("", help="Kept with the campaign."),
    as_json: bool = AsJson,
) -> None:
    """Have a paused or waiting campaign go on: here, or where Prefect drives it, by its supervisor.

    Example: morpholoop campaign resume membrane-s0-r1
    """
    from campaigns.ledger import CampaignState, IllegalTransition
    from models.home import state_directory

    with the_campaign(campaign_id) as (ledger, record):
        if record.status is CampaignState.WAITING:
            told = f"resumed: {reason.strip()}" if reason.strip() else "resumed"
            record = ledger.set_status(
                record.id, record.status, CampaignState.RUNNING, author=person(), reason=told
            )
        elif record.status is not CampaignState.RUNNING:
            raise IllegalTransition(f"{record.id} is {record.status} and cannot go on ({record.reason}).")
    if os.environ.get("PREFECT_API_URL"):
        emit(
            {"campaign": record.id, "status": str(record.status), "reason": record.reason},
            as_json,
            lambda: f"{record.id} is {record.status}; the supervisor goes on with it within a minute.",
        )
        return
    state_directory()
    with tempfile.TemporaryDirectory(prefix="morpholoop-resumed-") as folder:
        # As the campaign began, whatever its own file says by now; JSON is YAML.
        file = Path(folder) / f"{record.name}.yaml"
        file.write_text(record.specification, encoding="utf-8")
        drive(file, as_json, simulated_only=False)


@contextmanager
def _unpacked(folder: Path) -> Iterator[Path]:
    from models.errors import UnusableInput

    if folder.suffix != ".zip":
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="morpholoop-import-") as temporary:
        try:
            with zipfile.ZipFile(folder) as archive:
                archive.extractall(temporary)
        except (OSError, zipfile.BadZipFile) as error:
            raise UnusableInput(
                f"{folder} cannot be unpacked ({error}); give a .zip that `campaign export` wrote."
            ) from error
        inside = [path for path in Path(temporary).iterdir() if path.is_dir()]
        yield inside[0] if len(inside) == 1 else Path(temporary)
