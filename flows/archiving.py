"""A whole campaign into a folder, and out of one into another installation."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from campaigns import report
from campaigns.ledger import CampaignRecord, Ledger, Micrograph, ledger_path
from campaigns.ledger.copies import Rows
from campaigns.report import overlay_path
from flows.crate import CONTENT, DOCUMENTS, FILES, FORMAT, MODELS, STORED, describe, read_crate
from flows.opening import open_ledger
from flows.store import put_as, verify
from models.errors import UnusableInput
from models.generator import registry


def export(ledger: Ledger, campaign_id: str, home: Path, folder: Path) -> None:
    """Write a campaign into a new folder: records, micrographs, documents, models made here, report.

    The folder is whole or not there. Errors: :class:`UnusableInput` where it exists, or a file of the
    campaign is damaged or missing.
    """
    if folder.exists():
        raise UnusableInput(f"{folder} exists already; give a folder that does not.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".exporting-") as making:
        made = Path(making) / folder.name
        made.mkdir()
        rows = ledger.rows(campaign_id)
        record = ledger.campaign(campaign_id)
        root = ledger_path(home, simulated=record.simulated).parent
        pictures = [
            one for experiment in ledger.experiments(campaign_id) for one in ledger.micrographs(experiment.id)
        ]
        _copy_pictures(pictures, root, made / FILES)
        _copy_documents(ledger, record, root, made / DOCUMENTS)
        _copy_models({use.version for use in ledger.model_uses(campaign_id)}, home, made / MODELS)
        text = yaml.safe_dump(json.loads(record.specification), sort_keys=False, allow_unicode=True)
        (made / "campaign.yaml").write_text(text, encoding="utf-8")
        report.write(ledger, campaign_id, made / "report.html")
        content = {"format": FORMAT, "tables": _rooted(rows, root)}
        (made / CONTENT).write_text(json.dumps(content, allow_nan=False, indent=1) + "\n", encoding="utf-8")
        describe(made, rows["campaign"][0])
        made.rename(folder)


def take_in(folder: Path, home: Path, author: str) -> CampaignRecord:
    """Take a campaign in that :func:`export` wrote, of this or of another installation.

    Files come first, and the records in one transaction: a crash leaves nothing half done, and the same
    command again does it. Errors: :class:`UnusableInput`, :class:`campaigns.ledger.LedgerError`.
    """
    crate, content = read_crate(folder)
    crate.check()
    tables: Rows = content["tables"]
    simulated = bool(tables["campaign"] and tables["campaign"][0].get("simulated"))
    root = ledger_path(home, simulated=simulated).parent
    stored = [name.removeprefix(f"{FILES}/") for name in crate.files if name.startswith(f"{FILES}/")]
    for name in stored:
        if not STORED.fullmatch(name):
            raise UnusableInput(
                f"{folder} holds {FILES}/{name}, which is no file of a campaign; export it again."
            )

    def place(path: str) -> str:
        if path not in stored:
            raise UnusableInput(f"{folder} lacks the image {path}, which its records name; export it again.")
        return str(root / path)

    with open_ledger(home, simulated=simulated) as ledger:
        for name in stored:
            if not (root / name).exists():
                put_as((folder / FILES / name).read_bytes(), root / name)
        for version in sorted((folder / MODELS).glob("*")):
            registry.register(version, home)
        campaign_id = ledger.take_in(tables, place=place, author=author)
        documents = root / "labs" / campaign_id / "runs"
        documents.mkdir(parents=True, exist_ok=True)
        for path in sorted((folder / DOCUMENTS).glob("*.jsonl")):
            if not (documents / path.name).exists():
                put_as(path.read_bytes(), documents / path.name)
        return ledger.campaign(campaign_id)


def _copy_pictures(pictures: Sequence[Micrograph], root: Path, folder: Path) -> None:
    for one in pictures:
        verify(one.path, one.sha256)
        for path in (one.path, overlay_path(one)):
            target = folder / path.relative_to(root)
            if path.exists() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def _copy_documents(ledger: Ledger, record: CampaignRecord, root: Path, folder: Path) -> None:
    """Bluesky's documents of this campaign's dispatches: their files begin with the dispatch key."""
    keys = [one.dispatch_key for one in ledger.experiments(record.id) if one.dispatch_key]
    folder.mkdir()
    for runs in (root / "runs", root / "labs" / record.id / "runs"):
        for path in sorted(runs.glob("*.jsonl")):
            if any(path.name.startswith(key) for key in keys):
                shutil.copyfile(path, folder / path.name)


def _copy_models(versions: set[str], home: Path, folder: Path) -> None:
    """The versions that the campaign used and that were made here; shipped ones are everywhere."""
    for known in registry.versions(home):
        if known.name in versions and not known.shipped and not known.problem:
            shutil.copytree(known.folder, folder / known.name)


def _rooted(rows: Rows, root: Path) -> Rows:
    """The rows with paths below the store, and without what only holds on this machine."""
    micrographs = [
        {**one, "path": Path(one["path"]).relative_to(root).as_posix()} for one in rows["micrograph"]
    ]
    campaign = [{**one, "report": ""} for one in rows["campaign"]]
    return {**rows, "micrograph": micrographs, "campaign": campaign}
