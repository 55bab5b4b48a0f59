"""The published trends of the precursor, as the simulated reference plant shows them.

``python -m benchmarks.trends`` prints the trends, the limits of texture, what ripening does, the balance of
metal, image against laser diameters, and the correlations between descriptors over several designs. What
``image`` is written over is measured on rendered fields by ``models.morphology``, what ``state`` is written
over is the state of the powder. About five minutes on an idle core; ``--states`` leaves the images out.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from models.morphology import measure_of
from sim.dataset import design
from sim.kinetics import KineticConstants
from sim.lab_design import BASE, TIMES_MIN, recipes
from sim.lmr import LMRPlant, Powder
from sim.precipitation import PowderState, precipitate, trajectory

Conditions = dict[str, float | str]
Floats = NDArray[np.float64]
PLANT = LMRPlant(0, hidden=False)
K = KineticConstants()
MIDDLE: Conditions = {
    "pH": 10.5,
    "naoh_factor": 0.16,
    "nh4oh_factor": 0.19,
    "time_min": 240.0,
    "atmosphere": "N2",
}
SCAN = (640, 480)
PUBLISHED = (-0.38, -0.17, 0.26)
LASER_FIELDS = 16


def seen(state: PowderState, *, particles: int, close_ups: int, seed: int = 1) -> dict[str, float]:
    """Descriptors of ``particles`` fields at 3000× and ``close_ups`` at 15000×, and how many particles."""
    found: dict[str, float] = {}
    for kind, magnification, number in (("particles", 3000, particles), ("texture", 15000, close_ups)):
        measure = measure_of(kind)
        fields = [
            measure.measure(r.pixels.astype(np.float32) / 255, r.pixel_size_um)
            for r in (
                PLANT.render(Powder(state, seed), magnification=magnification, field=i, scan=SCAN)
                for i in range(number)
            )
        ]
        found |= measure.pool(fields) | {f"{kind}_seen": float(sum(f.n for f in fields))}
    return found


def columns(rows: Sequence[Conditions], *, images: bool) -> Floats:
    """D50, sphericity and texture, (rows, 3); without images −ln of the width of primaries for texture."""
    states = [precipitate(row, K) for row in rows]
    if not images:
        return np.array([[s.diameter_um, 1.0 - s.defect_mean, -np.log(s.primary_width_um)] for s in states])
    made = [
        seen(s, particles=2, close_ups=1, seed=i)
        for i, s in enumerate(tqdm(states, desc="fields", leave=False))
    ]
    return np.array([[m["d50_um"], m["sphericity_mean"], m["texture_mean"]] for m in made])


def pearson(table: Floats) -> Floats:
    """r of D50–Ψ, D50–texture and Ψ–texture."""
    r = np.corrcoef(table.T)
    return np.array([r[0, 1], r[0, 2], r[1, 2]])


def intervals(table: Floats, group: int) -> Floats:
    """95 % bootstrap intervals (2, 3) of :func:`pearson`, drawing whole recipes of ``group`` rows."""
    rng = np.random.default_rng(0)
    blocks = table.reshape(-1, group, 3)
    drawn = [pearson(blocks[rng.integers(len(blocks), size=len(blocks))].reshape(-1, 3)) for _ in range(2000)]
    return np.percentile(drawn, [2.5, 97.5], axis=0)


def trends(images: bool) -> None:
    """One factor at a time about :data:`MIDDLE`."""
    print(f"{'state':>29} {'D50 µm':>8} {'Ψ':>7} {'SD of Ψ':>8} {'width µm':>9}", end="")
    print(f" {'image: D50':>11} {'Ψ':>7} {'SD of Ψ':>8} {'texture':>8}" if images else "")
    for name, values in (
        ("pH", (10.0, 10.5, 11.0)),
        ("nh4oh_factor", (0.09, 0.19, 0.29)),
        ("naoh_factor", (0.08, 0.16, 0.25)),
        ("stirring_rpm", (700.0, 1000.0, 1400.0)),
        ("time_min", (30.0, 60.0, 120.0, 240.0, 480.0, 720.0)),
        ("atmosphere", ("N2", "O2")),
    ):
        for value in values:
            s = precipitate({**MIDDLE, name: value}, K)
            print(f"{name:>22} {value:>6} {s.diameter_um:>8.2f} {1 - s.defect_mean:>7.3f}", end="")
            print(f" {s.defect_sd:>8.3f} {s.primary_width_um:>9.3f}", end="")
            if images:
                m = seen(s, particles=4, close_ups=2)
                print(f" {m['d50_um']:>11.2f} {m['sphericity_mean']:>7.3f}", end="")
                print(f" {m['sphericity_sd']:>8.3f} {m['texture_mean']:>8.2f}", end="")
            print()


def texture(asked: Asked) -> None:
    """The limits of texture at the two corners and under O2."""
    fine: Conditions = {**MIDDLE, "pH": 10.0, "naoh_factor": 0.25, "nh4oh_factor": 0.09}
    coarse: Conditions = {**MIDDLE, "pH": 11.0, "naoh_factor": 0.08, "nh4oh_factor": 0.29}
    print(f"\n{'image: texture at':>41}" + "".join(f"{t:>7.0f} min" for t in (30, 120, 480, 720)))
    for name, row in (
        ("pH 10.0, NaOH ×0.25, NH4OH ×0.09", fine),
        ("pH 11.0, NaOH ×0.08, NH4OH ×0.29", coarse),
        ("pH 10.5, NaOH ×0.16, NH4OH ×0.19, O2", {**MIDDLE, "atmosphere": "O2"}),
        ("pH 10.0, NaOH ×0.25, NH4OH ×0.09, O2", {**fine, "atmosphere": "O2"}),
    ):
        values = [
            seen(precipitate({**row, "time_min": t}, K), particles=0, close_ups=3)["texture_mean"]
            for t in (30.0, 120.0, 480.0, 720.0)
        ]
        print(f"{name:>41}" + "".join(f"{v:>11.2f}" for v in values))
        if row is fine:
            asked.least(f"texture, {name}", min(values), 0.7)
        elif "O2" not in name or "10.5" in name:
            asked.most(f"texture, {name}", max(values), 0.3)


def ripening() -> None:
    """What changes by 2 h, and what ripening does after it."""
    course = trajectory({**MIDDLE, "time_min": 720.0}, K, points=200)
    at = [int(np.argmin(abs(course.times_min - t))) for t in (1.0, 120.0, 720.0)]
    for name, values in (
        ("diameter", [course.states[i].diameter_um for i in at]),
        ("sphericity", [-course.states[i].defect_mean for i in at]),
    ):
        print(f"\nstate: share of the change of {name} to 720 min that falls in the first 120 min: ", end="")
        print(f"{100 * (values[1] - values[0]) / (values[2] - values[0]):.0f} %", end="")
    still = replace(K, rounding_per_min=1e-9, primary_ripening_per_min=1e-9)
    with_it, without = course.states[-1], precipitate({**MIDDLE, "time_min": 720.0}, still)
    print("\nstate at 720 min with and without ripening:", end=" ")
    print(f"Ψ {1 - with_it.defect_mean:.3f} and {1 - without.defect_mean:.3f},", end=" ")
    print(f"width of primaries {with_it.primary_width_um:.4f} and {without.primary_width_um:.4f} µm")


def balance() -> float:
    """Share of the metal fed that is neither dissolved nor solid nor overflowed, at most."""
    rows = [{**row, "time_min": 720.0} for row in design(32, seed=2)]
    worst = max(float(np.abs(trajectory(row, K, points=12).imbalance).max()) for row in rows)
    print(f"\nstate: largest imbalance of Ni or Mn over {len(rows)} batches of 720 min:", end=" ")
    print(f"{100 * worst:.1e} %")
    return worst


def laser() -> float:
    """Mean bias (%) of the volume-weighted D50 of images against that a laser would see."""
    print(f"\n{'volume-weighted D50':>41} {'state µm':>9} {'image µm':>9} {'off, %':>7} {'SE, %':>10}")
    off = []
    for i, row in enumerate([*recipes()[::2], {**recipes()[0], "time_min": 60.0}]):
        s = precipitate({"time_min": 480.0, **row}, K)
        true = s.diameter_um * float(np.exp(3.0 * s.diameter_log_sd**2))
        m = seen(s, particles=LASER_FIELDS, close_ups=0, seed=i)
        off.append(100 * (m["d50_volume_um"] / true - 1))
        # SE of a median is 1.25 σ/√n; weighted by volume, n counts for n·exp(−9σ²).
        counted = m["particles_seen"] * np.exp(-9.0 * s.diameter_log_sd**2)
        name = "pH {pH}, ×{naoh_factor}, ×{nh4oh_factor}, {atmosphere}".format(**row)
        print(f"{name:>41} {true:>9.2f} {m['d50_volume_um']:>9.2f} {off[-1]:>7.1f}", end=" ")
        print(f"{125 * s.diameter_log_sd / np.sqrt(counted):>10.1f}")
    print(f"{'bias':>41} {np.mean(off):>27.1f}; largest {np.abs(off).max():.1f} (published: within ±4 %)")
    return float(np.mean(off))


def correlations(images: bool) -> None:
    """Pearson r over designs of 55 conditions."""
    print(f"\n{'Pearson r over 55 conditions':>41} {'D50–Ψ':>22} {'D50–texture':>22} {'Ψ–texture':>22}")
    print(f"{'Choi et al., their design':>41}" + "".join(f" {r:>22.2f}" for r in PUBLISHED))
    crossed = [
        {**BASE, "pH": p, "naoh_factor": a, "nh4oh_factor": b, "atmosphere": "N2"}
        for p in (10.0, 10.7, 11.0)
        for a, b in ((0.25, 0.09), (0.16, 0.19), (0.08, 0.29))
    ]
    gases: list[Conditions] = [{**BASE, "pH": p, "atmosphere": "O2"} for p in (10.0, 10.7, 11.0)]
    times = [{"time_min": t} for t in TIMES_MIN]
    plans: list[tuple[str, list[Conditions], bool, int]] = [
        ("state: recipes × times, ours", _each(recipes(), times), False, 5),
        ("state: the same, O2 at every pH", _each(recipes()[:8] + gases, times), False, 5),
        ("state: pH × opposite feeds, O2 at two pH", _each(crossed + gases[::2], times), False, 5),
        ("state: space-filling, 20 % O2", design(64, seed=1)[:55], False, 1),
    ]
    if images:
        plans.insert(1, ("image: recipes × times, ours", plans[0][1], True, 5))
    for name, rows, through, group in plans:
        table = columns(rows, images=through)
        low, high = intervals(table, group)
        cells = [f"{r:.2f} ({a:.2f} to {b:.2f})" for r, a, b in zip(pearson(table), low, high, strict=True)]
        print(f"{name:>41}" + "".join(f" {cell:>22}" for cell in cells))


def _each(plan: Sequence[Conditions], times: Sequence[dict[str, float]]) -> list[Conditions]:
    return [{**recipe, **time} for recipe in plan for time in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--states", action="store_true", help="no images: what the plant says itself")
    images = not parser.parse_args().states
    asked = Asked("trends")
    trends(images)
    ripening()
    asked.most("imbalance of metal", 100 * balance(), 0.1, "%")
    if images:
        texture(asked)
        asked.most("bias of D50 by images", abs(laser()), 4.0, "%")
    correlations(images)
    asked.end()


if __name__ == "__main__":
    main()
