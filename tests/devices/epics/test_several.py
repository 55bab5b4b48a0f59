"""One controller with two reactors and one microscope: both at work at once, each with PVs of its own."""

import threading
from pathlib import Path

import pytest
import yaml

from devices.errors import LabError, LabStopped
from devices.labfile import load_lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"
OF = {"north": "b-1", "south": "b-2"}


@pytest.fixture
def two(serve):
    return serve("--real-time-factor", "3000", plant="lmr-two-reactors")


def begun(lab, conditions):
    """A batch in each reactor, from when both react on; (threads, endings by reactor)."""
    endings, threads = {}, []
    reacting = {name: threading.Event() for name in OF}

    def run(name: str) -> None:
        def tell(line: str) -> None:
            if "reacting" in line:
                reacting[name].set()

        try:
            endings[name] = lab.synthesise(OF[name], conditions[name], progress=tell, reactor=name)
        except LabError as error:
            endings[name] = error

    for name in OF:
        threads.append(threading.Thread(target=run, args=(name,), daemon=True))
        threads[-1].start()
    assert all(one.wait(40) for one in reacting.values()), endings
    return threads, endings


def test_both_reactors_work_at_once_and_the_microscope_images_either(two, conditions, tmp_path):
    wanted = {"north": conditions, "south": {**conditions, "pH": 11.5, "time_min": 420.0}}
    with load_lab(two.lab_file(), state_dir=tmp_path / "client", seed=3) as lab:
        threads, endings = begun(lab, wanted)
        assert (two.get("north:Running"), two.get("south:Running")) == ("b-1", "b-2")
        assert (two.get("north:pH"), two.get("south:pH")) == (10.5, 11.5)
        assert lab.idle_reactors() == ()
        for thread in threads:
            thread.join(60)
        assert {name: endings[name].state for name in OF} == {"north": "done", "south": "done"}
        assert [lab.reactor_of(key) for key in OF.values()] == ["north", "south"]
        # A key that one reactor knows is never started in the other.
        assert lab.synthesise("b-1", conditions, reactor="south").starts == 1
        assert (two.get("north:Starts"), two.get("south:Starts")) == (1, 1)
        assert (two.get("north:pH"), two.get("south:pH")) == (7.0, 7.0)
        for key in OF.values():
            (image,) = lab.acquire(key, 3000, fields=1, first_field=0, folder=tmp_path / key)
            assert image.stat().st_size > 1000


def test_a_stop_makes_both_safe(two, conditions, tmp_path):
    with load_lab(two.lab_file(), state_dir=tmp_path / "client", seed=3) as lab:
        threads, endings = begun(lab, dict.fromkeys(OF, conditions))
        lab.stop("enough")
        for thread in threads:
            thread.join(30)
        assert all(isinstance(ending, LabStopped) for ending in endings.values())
        for name in OF:
            two.until(f"{name}:Running", "")
            two.until(f"{name}:pH", 7.0)


def test_a_client_that_dies_leaves_both_to_the_watchdog(serve, conditions, tmp_path):
    two = serve("--real-time-factor", "600", "--watchdog", "1", plant="lmr-two-reactors")
    lab = load_lab(two.lab_file(), state_dir=tmp_path / "client", seed=3)
    begun(lab, dict.fromkeys(OF, conditions))
    lab._backend.watch.close()  # no heartbeat comes any more, as from a process that was killed
    two.until("Watchdog", "tripped", 20)
    for name in OF:
        two.until(f"{name}:Running", "")
        assert two.get(f"{name}:Reason") == "no heartbeat from the client for 1 s"
    lab.close()


@pytest.mark.timeout(300)
def test_a_campaign_has_two_experiments_in_flight(prefect_api, serve, tmp_path, monkeypatch):
    from campaigns.ledger import CampaignState
    from flows.campaign import campaign

    def widened(content) -> None:
        reactor = content.pop("reactor")
        content["reactors"] = dict.fromkeys(OF, reactor)

    served = serve("--campaign-seed", "0", plant="membrane", change=widened)
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content |= {"budget": {"experiments": 4}, "lab": str(served.lab_file())}
    content["imaging"]["views"][0]["fields"] = {"min": 2, "max": 2}
    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "home"))
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    status = campaign(file)
    assert status.status in (CampaignState.BUDGET_SPENT, CampaignState.CONVERGED), status.reason
    assert {one.reactor_starts for one in status.iterations} == {1}
    assert served.get("north:Starts") + served.get("south:Starts") == len(status.iterations)
    assert min(served.get("north:Starts"), served.get("south:Starts")) >= 1
