"""A campaign into a folder and into another state directory, through the commands."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from campaigns.ledger import CampaignState, Ledger, LedgerError, Measurement, Micrograph, State, ledger_path
from campaigns.ledger.campaigns import CampaignRecord
from campaigns.specification import load
from flows.archiving import export, take_in
from flows.crate import METADATA
from flows.store import put
from models.errors import UnusableInput
from models.values import Interval
from tests.conftest import begun

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"

pytestmark = pytest.mark.slow


def recorded(home: Path) -> str:
    """A campaign with an experiment that was measured, and its field of view in the store."""
    campaign, path = load(LIBRARY / "membrane.yaml"), ledger_path(home, simulated=True)
    with Ledger.open(path, simulated=True) as ledger:
        record = begun(ledger, campaign)
        experiment = ledger.propose(
            record.id,
            index=1,
            conditions={p.name: p.bounds[0] for p in campaign.parameters if p.bounds},
            units=campaign.units(),
            model_version="design",
            author="test",
        )
        image = home / "field.tif"
        tifffile.imwrite(image, np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8))
        stored = put(image, path.parent / "micrographs")
        ledger.record_micrographs(
            experiment.id, [Micrograph("measured", 5000, 0, stored.path, stored.sha256, 0.02)]
        )
        interval = Interval(0.41, 0.40, 0.42, 0.95, 1, 4)
        ledger.record_measurements(experiment.id, [Measurement("phase_fraction", "", interval, 1)])
        ledger.approve(experiment.id, author="kim", role="operator", limits={"a": 1.0}, expires_h=24)
        key = ledger.mint_dispatch_key(experiment.id, limits={"a": 1.0}, author="test").dispatch_key
        runs = path.parent / "labs" / record.id / "runs"
        runs.mkdir(parents=True)
        (runs / f"{key}-image-1.jsonl").write_text('{"name": "start"}\n')
        (runs / "another-image-1.jsonl").write_text('{"name": "start"}\n')
    return record.id


def end(home: Path, campaign_id: str) -> None:
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (experiment,) = ledger.experiments(campaign_id)
        ledger.transition(experiment.id, State.DISPATCHING, State.FAILED, author="test", reason="broken")
        ledger.set_status(campaign_id, "running", "budget_spent", author="test", reason="all spent")


def exported(home: Path, campaign_id: str, folder: Path) -> Path:
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        export(ledger, campaign_id, home, folder)
    return folder


def taken_in(folder: Path, home: Path) -> CampaignRecord:
    return take_in(folder, home, "sam")


@pytest.fixture
def crate(home, tmp_path):
    home.mkdir()
    campaign_id = recorded(home)
    end(home, campaign_id)
    return exported(home, campaign_id, tmp_path / "crate")


def test_all_of_a_campaign_is_there_again_in_another_place(crate, home, tmp_path):
    there = tmp_path / "there"
    record = taken_in(crate, there)
    assert record.status is CampaignState.BUDGET_SPENT
    ledgers = [Ledger.open(ledger_path(one, simulated=True), simulated=True) for one in (home, there)]
    try:
        before, after = (ledger.rows(record.id) for ledger in ledgers)
        for table in ("campaign", "experiment", "approval", "prediction", "measurement", "model_use"):
            assert after[table] == before[table], table
        moves = [{**one, "hash": ""} for one in before["history"]]
        *kept, last = [{**one, "hash": ""} for one in after["history"]]
        assert kept == moves
        assert (last["author"], last["reason"]) == ("sam", "imported")
        (field,) = ledgers[1].micrographs(ledgers[1].experiments(record.id)[0].id)
        assert field.path.is_relative_to(there)
        assert tifffile.imread(field.path).shape == (60, 80)
        documents = list((there / "simulated" / "labs" / record.id / "runs").iterdir())
        assert [path.name.startswith(record.id) for path in documents] == [True]
    finally:
        for ledger in ledgers:
            ledger.close()
    with pytest.raises(LedgerError, match="in this ledger already"):
        taken_in(crate, there)


def test_the_crate_names_every_file_with_its_checksum(crate):
    graph = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"]
    named = {one["@id"] for one in graph if one["@type"] == "File"}
    there = {path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file()}
    assert named == there - {METADATA}
    assert {"campaign.json", "campaign.yaml", "report.html"} < named
    assert load(crate / "campaign.yaml").name == "membrane"


def test_a_campaign_that_has_not_ended_does_not_go_on_elsewhere(home, tmp_path):
    home.mkdir()
    campaign_id = recorded(home)
    record = taken_in(exported(home, campaign_id, tmp_path / "crate"), tmp_path / "there")
    assert record.status is CampaignState.ABORTED
    assert record.reason == "imported while running; it goes on where it came from"


def spoilt(crate: Path, how: str) -> None:
    image = next(crate.rglob("*.tif"))
    if how == "changed":
        image.write_bytes(image.read_bytes() + b"0")
    elif how == "missing":
        image.unlink()
    elif how == "format":
        content = json.loads((crate / "campaign.json").read_text(encoding="utf-8"))
        (crate / "campaign.json").write_text(json.dumps({**content, "format": 99}), encoding="utf-8")
    elif how == "no campaign":
        (crate / METADATA).unlink()


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("changed", "SHA-256 differs"),
        ("missing", "lacks files/micrographs"),
        ("format", "format 99"),
        ("no campaign", "is no exported campaign"),
    ],
)
def test_a_damaged_crate_is_refused_and_leaves_nothing(crate, tmp_path, how, fault):
    spoilt(crate, how)
    there = tmp_path / "there"
    with pytest.raises(UnusableInput, match=fault):
        taken_in(crate, there)
    assert not there.exists()


def test_what_a_crate_names_outside_of_the_store_is_not_written(crate, tmp_path):
    graph = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    outside = crate / "files" / "leases" / "x.lock"
    outside.parent.mkdir()
    outside.write_text("")
    graph["@graph"].append(
        {
            "@id": "files/leases/x.lock",
            "@type": "File",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }
    )
    (crate / METADATA).write_text(json.dumps(graph), encoding="utf-8")
    with pytest.raises(UnusableInput, match="no file of a campaign"):
        taken_in(crate, tmp_path / "there")


def test_a_damaged_store_is_not_exported(home, tmp_path):
    home.mkdir()
    campaign_id = recorded(home)
    image = next((home / "simulated" / "micrographs").rglob("*.tif"))
    image.write_bytes(b"nothing")
    with pytest.raises(UnusableInput, match="has changed"):
        exported(home, campaign_id, tmp_path / "crate")
    assert not list(tmp_path.glob("*crate*"))
    assert not list(tmp_path.glob(".exporting-*"))


def test_by_command_as_one_file(crate, home, tmp_path, capsys, monkeypatch):
    from cli.main import run

    def said(*arguments: object) -> dict:
        with pytest.raises(SystemExit) as ended:
            run([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert ended.value.code == 0, err
        return json.loads(out)

    made = said("campaign", "export", "--out", tmp_path / "first.zip")
    assert "first/campaign.json" in zipfile.ZipFile(tmp_path / "first.zip").namelist()
    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "there"))
    taken = said("campaign", "import", tmp_path / "first.zip")
    assert taken["campaign"] == made["campaign"]
    assert Path(taken["report"]).is_file()
    assert said("campaign", "status")["status"] == "budget_spent"
