"""How closely the simulated plant follows the states that the shipped generator was trained on.

``python -m benchmarks.fit_precipitation`` prints the deviations from the frozen table of those states,
``tests/sim/reference_states.json``, and the spread of hidden plants. ``--fit`` fits the constants again, to
every eighth of those states, from round values, and prints them with the table: at most nine evaluations and
seven sets of slopes, 5,700 syntheses, about six minutes on an idle core.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from sim.kinetics import KineticConstants
from sim.precipitation import precipitate

TABLE = Path(__file__).parents[1] / "tests/sim/reference_states.json"
FIELDS = ("diameter_um", "diameter_log_sd", "defect_mean", "defect_sd", "primary_width_um")
WEIGHTS = (0.03, 0.10, 0.05, 0.10, 0.04)
"""Relative deviation of each field that counts as one."""
STEP = 0.02
MOST_EVALUATIONS = 9
"""The last steps lower the cost by about 1 % each (from 43.8 to 21.6 in all)."""
# The fit starts here, and a weak prior (a factor of e counts as 0.3) holds what the table leaves open.
START = {
    "strength_um": 8.5,
    "strength_per_supersaturation": 0.37,
    "strength_per_hydroxide": 0.36,
    "strength_per_load": 0.11,
    "strength_per_age": 0.2,
    "breakage_per_min": 0.014,
    "efficiency": 0.00077,
    "holding": 0.51,
    "dispersion": 1.4,
    "primary_width_um": 0.1,
    "width_per_supersaturation": 0.6,
    "width_per_plume": 0.14,
    "width_per_hydroxide": 0.53,
    "width_oxygen": 2.1,
    "primary_ripening_per_min": 0.0021,
    "defect_loose": 0.28,
    "defect_fresh": 0.1,
    "fresh_share": 0.12,
    "defect_per_hydroxide": 0.29,
    "defect_per_load": 0.61,
    "defect_oxygen": 1.7,
    "rounding_by_deposit": 0.12,
    "rounding_per_min": 0.00091,
    "defect_scatter": 1.1,
    "loose_scatter": 0.48,
}


def deviations(rows: list[dict], constants: KineticConstants) -> NDArray[np.float64]:
    """ln(new/frozen) of each field, (rows, fields)."""
    made = [asdict(precipitate(row["conditions"], constants)) for row in rows]
    return np.log([[m[f] / row["state"][f] for f in FIELDS] for m, row in zip(made, rows, strict=True)])


def fit(rows: list[dict]) -> KineticConstants:
    """Least squares of the logarithms over the logarithms of the constants; tells each step."""
    names = list(START)

    def constants(x: NDArray[np.float64]) -> KineticConstants:
        return replace(
            KineticConstants(), **{n: float(START[n] * np.exp(v)) for n, v in zip(names, x, strict=True)}
        )

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([(deviations(rows, constants(x)) / WEIGHTS).ravel(), 0.3 * x])

    def slopes(x: NDArray[np.float64]) -> NDArray[np.float64]:
        # The integration is good to 1e-4: a finer step would differentiate its error.
        base = residuals(x)
        columns = tqdm(np.eye(len(x)), desc="slopes", unit="constant", leave=False)
        return np.stack([(residuals(x + STEP * unit) - base) / STEP for unit in columns], axis=1)

    found = least_squares(
        residuals,
        np.zeros(len(names)),
        slopes,
        bounds=(-2.0, 2.0),
        ftol=1e-3,
        max_nfev=MOST_EVALUATIONS,
        verbose=2,
    )
    print(f"{found.message} Cost {found.cost:.1f} after {found.nfev} steps.")
    return constants(found.x)


def table(rows: list[dict], constants: KineticConstants, asked: Asked) -> None:
    """Print bias, RMS and the largest deviation by atmosphere."""
    print(f"{'deviation, %':>20} {'N2 bias':>9} {'RMS':>6} {'max':>6} {'O2 bias':>9} {'RMS':>6} {'max':>6}")
    oxygen = np.array([row["conditions"]["atmosphere"] == "O2" for row in rows])
    off = 100.0 * deviations(rows, constants)
    for index, field in enumerate(FIELDS):
        parts = (off[~oxygen, index], off[oxygen, index])
        print(
            f"{field:>20}"
            + "".join(
                f"{p.mean():>10.1f} {np.sqrt((p**2).mean()):>6.1f} {np.abs(p).max():>6.1f}" for p in parts
            )
        )
        asked.most(f"{field}: RMS from the table", float(np.sqrt((off[:, index] ** 2).mean())), 10.0, "%")


def spread(frozen: dict, constants: KineticConstants) -> None:
    """Print the SD of ln of each field over 50 hidden plants, then and now."""
    print(f"\n{'SD over plants, %':>20}" + "".join(f"{name + ': then':>14} {'now':>5}" for name in frozen))
    now = {
        name: [
            asdict(precipitate(entry["conditions"], constants.perturbed(seed, 0.08))) for seed in range(50)
        ]
        for name, entry in frozen.items()
    }
    for field in FIELDS:
        line = f"{field:>20}"
        for name, entry in frozen.items():
            logs = np.log([made[field] for made in now[name]])
            line += f"{100 * entry[field]:>14.1f} {100 * logs.std(ddof=1):>5.1f}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="fit the constants again and print them")
    again = parser.parse_args().fit
    frozen = json.loads(TABLE.read_text())
    rows, constants = frozen["states"], KineticConstants()
    if again:
        constants = fit([r for i, r in enumerate(rows) if (i // 5) % 8 == 0])
        for name, value in asdict(constants).items():
            print(f"    {name}: float = {value:.4g}")
    asked = Asked("fit_precipitation")
    table(rows, constants, asked)
    spread(frozen["spread"], constants)
    asked.end()


if __name__ == "__main__":
    main()
