"""Without the extra, a lab over EPICS says what to install, and other labs never notice."""

import subprocess
import sys
from pathlib import Path

import pytest

LABS = Path(__file__).parents[3] / "campaigns" / "library" / "labs"


OPEN = "from devices.labfile import load_lab; load_lab(Path(sys.argv[1]), state_dir=Path('.'), seed=0)"
SERVE = (
    "from sim.ioc import serve; "
    "serve(Path(sys.argv[1]), seed=0, prefix='X:', port=0, state_dir=Path('.'), watchdog_s=1.0)"
)


@pytest.mark.parametrize(
    ("missing", "lab", "use"), [("epics", "ioc-lmr", OPEN), ("caproto", "simulated-lmr", SERVE)]
)
@pytest.mark.slow
def test_a_missing_extra_is_one_sentence(missing: str, lab: str, use: str) -> None:
    script = f"import sys; from pathlib import Path; sys.modules[{missing!r}] = None; {use}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(LABS / f"{lab}.yaml")],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("devices.errors.LabError")]
    assert sentence.endswith("install it with: pip install 'morpholoop[epics]'.")


@pytest.mark.slow
def test_devices_alone_bring_in_no_epics() -> None:
    script = (
        "import sys, devices.labfile, sim.reactor; print('epics' in sys.modules, 'caproto' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout.split() == ["False", "False"]
