import json
from pathlib import Path

import pytest

from cli.main import run


def test_the_databases_are_copied_and_the_files_told(home, campaign_id, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run(["backup", "--out", str(tmp_path / "safe"), "--json"])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["simulated/lab.db"]
    assert (Path(told["backup"]) / "simulated" / "lab.db").exists()


def test_without_a_database_there_is_nothing_to_copy(home, capsys):
    with pytest.raises(SystemExit) as end:
        run(["backup"])
    assert end.value.code == 2
    assert "no database" in capsys.readouterr().err
