"""Calibrate a version anew: ``python -m models.generator.recalibrate VERSION DATASET --out DIR --name NEW``.

For a version whose networks stay and whose measures have changed (another segmenter, another rule): its
generated images and the data set's tiles are measured with the code there is now. Calibration is fitted on
training conditions and figures are made on held-out ones, as at the end of a training.
"""

import argparse
import datetime
from pathlib import Path

from models.errors import UnusableInput
from models.generator.dataset import read_dataset
from models.generator.export import calibrate, evaluate
from models.generator.generator import Generator, load_folder
from models.generator.plan import TrainingPlan
from models.generator.registry import NAME, locate
from models.generator.run import Run
from models.generator.storage import save_with_record


def recalibrate(version: str | Path, dataset: Path, out: Path, name: str, plan: TrainingPlan) -> Path:
    """Write ``out``/``name``: the networks of ``version``, calibrated on the data set they were trained on.

    Measured tiles are kept in ``out``, so that a call that was cut off goes on. Errors:
    :class:`UnusableInput` for another data set, or where there is a version of that name.
    """
    if not NAME.fullmatch(name):
        raise UnusableInput(f"{name!r} names no version: use letters, digits and . _ + - (at most 64).")
    if (target := out / name).exists():
        raise UnusableInput(f"{target} exists: choose another --name or --out.")
    folder = locate(version)
    old, tiles = load_folder(folder), read_dataset(dataset)
    if tiles.fingerprint != old.record.lineage.data_fingerprint:
        raise UnusableInput(
            f"{old.version} was not trained on {dataset} (its data have the fingerprint "
            f"{old.record.lineage.data_fingerprint[:12]}, these {tiles.fingerprint[:12]}): give the same "
            "data set, since conditions that were trained on must not be taken for held out."
        )
    out.mkdir(parents=True, exist_ok=True)
    run = Run(out, tiles, plan)
    record = old.record.model_copy(
        update={
            "version": name,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "lineage": old.record.lineage.model_copy(update={"parent": old.version, "kind": "recalibrated"}),
        }
    )
    new = evaluate(run, calibrate(run, Generator(old.networks, record, old.replay)))
    save_with_record(folder, target, new.record)
    return target


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Calibrate a version anew, with the segmenter and measures there are now.",
        epilog="example: python -m models.generator.recalibrate lmr-6 data/lmr --out runs/lmr-7 --name lmr-7",
    )
    parser.add_argument("version", help="a version's name or folder")
    parser.add_argument("dataset", type=Path, help="the folder of tiles that it was trained on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True, help="name of the new version")
    args = parser.parse_args()
    try:
        print(recalibrate(args.version, args.dataset, args.out, args.name, TrainingPlan(name=args.name)))
    except UnusableInput as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
