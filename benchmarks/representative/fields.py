"""Intervals of descriptors over fields of view, and when to stop taking fields, on simulated particles."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import stdtrit
from tqdm import tqdm

from campaigns.decisions import fields_wanted
from models.morphology.measures import FieldMeasurement
from models.representativity import FieldSpread, descriptor_intervals, spread_of_earlier
from models.values import Interval, Target

MEDIAN_UM, LOG_SD = 8.0, 0.35
ROUNDNESS, ROUNDNESS_SD = 0.9, 0.04
TRUTH = {
    "d50_um": MEDIAN_UM,
    "d50_volume_um": MEDIAN_UM * math.exp(3 * LOG_SD**2),
    "sphericity_mean": ROUNDNESS,
    "sphericity_sd": ROUNDNESS_SD,
}


@dataclass(frozen=True)
class DescriptorResult:
    """Mean and least coverage over descriptors; with earlier samples, and how much narrower that is."""

    correlation: float
    fields: int
    mean: float
    least: float
    moderated: float
    width_ratio: float


def sample(
    rng: np.random.Generator, fields: int, particles: int, correlation: float
) -> list[FieldMeasurement]:
    """Fields of log-normal diameters; ``correlation`` is the share of the variance between fields."""
    made = []
    between, within = math.sqrt(correlation), math.sqrt(1 - correlation)
    for _ in range(fields):
        size, shape = (between * rng.normal(size=(2, 1)) + within * rng.normal(size=(2, particles))).tolist()
        samples = {
            "diameter_um": MEDIAN_UM * np.exp(LOG_SD * np.array(size)),
            "sphericity": ROUNDNESS + ROUNDNESS_SD * np.array(shape),
            "weight": np.ones(particles),
        }
        made.append(FieldMeasurement("particles", samples))
    return made


def descriptor_coverage(repeats: int, seed: int) -> Iterator[DescriptorResult]:
    """Coverage by intra-class correlation and number of fields, over 50 and 200 particles a field."""
    for correlation, fields in product((0.0, 0.05, 0.2), (3, 5, 10)):
        rng = np.random.default_rng([seed, fields, int(100 * correlation)])
        inside: dict[str, list[bool]] = {name: [] for name in TRUTH}
        moderated: list[bool] = []
        narrower: list[float] = []
        for particles in (50, 200):
            earlier: Mapping[str, FieldSpread] = {}
            for number in tqdm(range(repeats), desc=f"descriptors {correlation:g}, {fields}", leave=False):
                if number % 5 == 0:
                    earlier = spread_of_earlier([sample(rng, 5, particles, correlation) for _ in range(8)])
                own = sample(rng, fields, particles, correlation)
                alone = descriptor_intervals(own, only=TRUTH)
                helped = descriptor_intervals(own, only=TRUTH, earlier=earlier)
                for name, truth in TRUTH.items():
                    inside[name].append(_holds(alone[name], truth))
                    moderated.append(_holds(helped[name], truth))
                    narrower.append(_log_width(helped[name]) / _log_width(alone[name]))
        means = [float(np.mean(held)) for held in inside.values()]
        yield DescriptorResult(
            correlation,
            fields,
            float(np.mean(means)),
            min(means),
            float(np.mean(moderated)),
            float(np.median(narrower)),
        )


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _log_width(interval: Interval) -> float:
    return math.log(interval.high / interval.low)


@dataclass(frozen=True)
class StoppingResult:
    """Coverage of the interval at the end, mean number of fields, and how often the width was reached."""

    rule: str
    ratio: float
    coverage: float
    fields: float
    reached: float


Next = Callable[[Interval, Interval | None, int], int]
TARGET_ERROR = 0.05
MOST = 200
LOOP_RULE = "as the loop decides, in batches"


def stopping_rules(repeats: int, seed: int) -> Iterator[StoppingResult]:
    """Rules for a half width of 5 %, on fields whose logarithms are normal."""
    rules: dict[str, tuple[int, bool, Next]] = {
        "one look is enough, after every field": (3, True, _one_look),
        "as the loop decides, after every field": (5, True, _as_the_loop),
        LOOP_RULE: (5, False, _as_the_loop),
        "as the loop decides, from 4 fields, in batches": (4, False, _as_the_loop),
    }
    for (rule, (least, each, following)), ratio in product(rules.items(), (1.0, 2.0)):
        rng = np.random.default_rng([seed, int(ratio)])
        covered, taken, reached = [], [], []
        for _ in tqdm(range(repeats), desc=rule, leave=False):
            values = rng.normal(0, ratio * math.log1p(TARGET_ERROR), MOST)
            have, before = least, None
            while True:
                interval = _interval(values[:have])
                more = following(interval, before, have)
                if more == 0:
                    break
                have, before = have + (1 if each else more), interval
            covered.append(_holds(interval, 1.0))
            taken.append(have)
            reached.append(interval.high / interval.value <= 1 + TARGET_ERROR + 1e-9)
        yield StoppingResult(rule, ratio, *(float(np.mean(one)) for one in (covered, taken, reached)))


def _one_look(interval: Interval, before: Interval | None, have: int) -> int:
    narrow = interval.high / interval.value <= 1 + TARGET_ERROR
    return 0 if narrow or have >= MOST else 1


def _as_the_loop(interval: Interval, before: Interval | None, have: int) -> int:
    # On the edge of the band nothing is ever told, so that only the width counts.
    edge = Target("d50_um", "at_most", -math.inf, interval.value, 1.0, 1.0, 0.0)
    wanted = fields_wanted(
        (edge,),
        {"d50_um": interval},
        have=have,
        least=2,
        most=MOST,
        target_error=TARGET_ERROR,
        before={} if before is None else {"d50_um": before},
        missed_elsewhere=True,
    )
    return wanted.more


def _interval(logarithms: np.typing.NDArray[np.float64]) -> Interval:
    k = len(logarithms)
    middle = float(logarithms.mean())
    half = float(stdtrit(k - 1, 0.975)) * float(logarithms.std(ddof=1)) / math.sqrt(k)
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half), 0.95, k, 0)
