"""How far good and spoilt fields of both simulated plants lie from the limits that an image must keep.

Usage: python -m benchmarks.image_quality [--fields 200] [--case 0]

Good fields are rendered over the whole range of conditions, eight of each sample. Of each sample one is
spoilt in every way. Told are the worst good field, the best spoilt one, and how many of each are rejected.
"""

import argparse
from collections.abc import Callable, Iterator
from statistics import median_high

import numpy as np
from numpy.typing import NDArray

from benchmarks.compared.asked import Asked
from models.micrographs import quality
from sim.fault_images import spoilt
from sim.faults import Fault
from sim.lmr import LMRPlant
from sim.membrane import MembranePlant

PER_SAMPLE = 8
KINDS = ("black_image", "saturated_image", "misfocused_image", "charged_image")
Conditions = dict[str, float | str]
Pixels = NDArray[np.uint8]


def precursor(rng: np.random.Generator) -> Conditions:
    return {
        "pH": float(rng.uniform(9.8, 11.0)),
        "naoh_factor": float(rng.uniform(0.08, 0.25)),
        "nh4oh_factor": float(rng.uniform(0.09, 0.29)),
        "time_min": float(rng.uniform(30, 720)),
        "atmosphere": "O2" if rng.random() < 0.2 else "N2",
    }


def membrane(rng: np.random.Generator) -> Conditions:
    return {
        "polymer_wt_pct": float(rng.uniform(10, 25)),
        "nonsolvent_pct": float(rng.uniform(0, 12)),
        "bath_temperature_C": float(rng.uniform(5, 60)),
        "evaporation_s": float(rng.uniform(0, 120)),
    }


CASES: tuple[tuple[str, LMRPlant | MembranePlant, Callable[[np.random.Generator], Conditions], int], ...] = (
    ("membrane", MembranePlant(0), membrane, 5000),
    ("precursor", LMRPlant(0), precursor, 3000),
    ("precursor", LMRPlant(0), precursor, 15000),
)


def samples(case: int, fields: int) -> Iterator[list[Pixels]]:
    _, plant, conditions, magnification = CASES[case]
    rng = np.random.default_rng([5, case])
    for batch in range(1, fields // PER_SAMPLE + 1):
        sample = plant.synthesise(conditions(rng), batch=batch)
        yield [
            plant.render(sample, magnification=magnification, field=field).pixels  # type: ignore[arg-type]
            for field in range(PER_SAMPLE)
        ]


def grey(pixels: Pixels) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fields", type=int, default=200, help="good fields for each magnification")
    parser.add_argument("--case", type=int, choices=range(len(CASES)), help="one of the magnifications alone")
    options = parser.parse_args()
    fields = options.fields
    rng = np.random.default_rng(1)
    asked = Asked("image_quality")
    for case, (name, _, _, magnification) in enumerate(CASES):
        if options.case not in (None, case):
            continue
        good: list[quality.Quality] = []
        rejected, others, same = 0, [0.0], []
        below: list[float] = []
        softly: dict[float, list[float]] = {2.5: [], 3.0: []}
        bad: dict[str, list[quality.Quality]] = {kind: [] for kind in KINDS}
        caught = dict.fromkeys(KINDS, 0)
        for images in samples(case, fields):
            prints: list[NDArray[np.float32]] = []
            for pixels in images:
                good.append(quality.assess(grey(pixels)))
                rejected += quality.unfit(quality.assess(grey(pixels))) is not None
                mark = quality.fingerprint(grey(pixels))
                others += [quality.likeness(mark, other) for other in prints]
                prints.append(mark)
            details = [one.detail for one in good[-len(images) :]]
            usual = median_high(details)
            below += [usual - one for one in details]
            rejected += sum(quality.softer(one, details) is not None for one in details)
            for size, found in softly.items():
                soft = spoilt(images[0], Fault(kind="misfocused_image", field=1, size=size), rng)
                found.append(usual - quality.detail(grey(soft)))
            for kind in KINDS:
                pixels = spoilt(images[0], Fault(kind=kind, field=1), rng)
                bad[kind].append(quality.assess(grey(pixels)))
                caught[kind] += quality.unfit(quality.assess(grey(pixels))) is not None
            again = spoilt(images[0], Fault(kind="stage_stuck", field=2), rng)
            same.append(quality.likeness(prints[0], quality.fingerprint(grey(again))))
        print(f"{name} {magnification}×: {rejected} of {len(good)} good fields rejected")
        print(
            f"  contrast  good ≥ {min(q.contrast for q in good):.3f}, limit {quality.LEAST_CONTRAST}, ",
            end="",
        )
        print(f"black ≤ {max(q.contrast for q in bad['black_image']):.3f}")
        print(
            f"  saturated good ≤ {max(q.saturated for q in good):.4f}, limit {quality.MOST_SATURATED}, ",
            end="",
        )
        print(f"saturated ≥ {min(q.saturated for q in bad['saturated_image']):.3f}")
        print(f"  detail    good ≥ {min(q.detail for q in good):.2f}, limit {quality.LEAST_DETAIL}, ", end="")
        print(f"misfocused ≤ {max(q.detail for q in bad['misfocused_image']):.2f}")
        print(
            f"  streaks   good ≤ {max(q.streaks for q in good):.2f}, limit {quality.MOST_STREAKS}, ", end=""
        )
        print(f"charged ≥ {min(q.streaks for q in bad['charged_image']):.1f}")
        print(f"  likeness  other fields ≤ {max(others):.3f}, limit {quality.MOST_ALIKE}, ", end="")
        print(f"same field ≥ {min(same):.3f}")
        limit = quality.MOST_BELOW_OTHERS
        print(f"  below the other fields: good ≤ {max(below):.2f}, limit {limit}; defocused ", end="")
        caught_softly = {size: sum(one > limit for one in found) for size, found in softly.items()}
        print("; ".join(f"by {size} px {n}/{len(same)} caught" for size, n in caught_softly.items()))
        print("  caught: " + ", ".join(f"{kind} {n}/{len(same)}" for kind, n in caught.items()), flush=True)
        what = f"{name}, {magnification}×"
        asked.most(f"{what}: good fields rejected", rejected / len(good), 0.02)
        asked.least(f"{what}: spoilt fields caught", sum(caught.values()) / len(same) / len(caught), 0.99)
    asked.end()


if __name__ == "__main__":
    main()
