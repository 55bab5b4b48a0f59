"""What more reactors bring: hours of the lab and seconds of computing for as many experiments.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.reactors [--experiments 8] [--reactors 1 2 4]

The membrane's dry run with a target that it cannot reach, so that the budget is spent, in simulated labs
that differ in the number of their reactors alone; they share one microscope. Told are the hours of the lab,
how many times fewer they are than with one reactor, and what computing took an experiment. About a minute.
"""

import argparse
import os
import tempfile
from pathlib import Path

import yaml

from benchmarks.compared.asked import Asked
from campaigns.ledger import CampaignStatus

LIBRARY = Path(__file__).parents[1] / "campaigns" / "library"
LEAST_SHARE = 0.7
"""Of the speed-up that as many reactors could bring, if nothing else took time."""


def run(folder: Path, reactors: int, experiments: int) -> CampaignStatus:
    """The campaign in a lab of so many reactors, from its beginning."""
    from flows.campaign import campaign

    lab = yaml.safe_load((LIBRARY / "labs" / "simulated-membrane.yaml").read_text(encoding="utf-8"))
    lab["reactors"] = dict.fromkeys((f"line_{n + 1}" for n in range(reactors)), lab.pop("reactor"))
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content |= {"lab": str(folder / "lab.yaml"), "budget": {"experiments": experiments}, "stopping": {}}
    content["targets"] = [{"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}]
    (folder / "lab.yaml").write_text(yaml.safe_dump(lab, allow_unicode=True), encoding="utf-8")
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    os.environ["MORPHOLOOP_HOME"] = str(folder / "home")
    return campaign(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--experiments", type=int, default=8)
    parser.add_argument("--reactors", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    from flows.server import prefect_server

    asked, alone = Asked("reactors"), 0.0
    print(f"{'reactors':>8} {'experiments':>12} {'hours':>8} {'times fewer':>12} {'s/experiment':>13}")
    with prefect_server(), tempfile.TemporaryDirectory() as made:
        for number in options.reactors:
            folder = Path(made) / str(number)
            folder.mkdir()
            status = run(folder, number, options.experiments)
            done = len(status.iterations)
            alone = alone or status.virtual_hours
            gain = alone / status.virtual_hours
            print(
                f"{number:>8} {done:>12} {status.virtual_hours:>8.1f} {gain:>12.2f} "
                f"{status.seconds / done:>13.2f}",
                flush=True,
            )
            if number > options.reactors[0]:
                asked.least(f"{number} reactors: times fewer hours", gain, LEAST_SHARE * number)
    asked.end()


if __name__ == "__main__":
    main()
