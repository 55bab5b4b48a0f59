"""How far a campaign may go, how it searches, who approves, and how it learns."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails

from campaigns.specification.faults import detail, error
from campaigns.specification.quantities import Quantity, in_unit
from campaigns.specification.section import Section

Count = Annotated[int, Field(ge=1, le=1_000_000)]
CURRENT = "current"


class Budget(Section):
    """What a campaign may spend; whichever limit comes first ends it.

    ``lab_hours`` count on the laboratory's clock (virtual in a simulated lab), ``real_hours`` on the wall;
    ``fields`` are fields of view over the whole campaign. ``in_flight`` is how many experiments may be under
    way at once (None: as many as the lab has reactors).
    """

    experiments: Annotated[int, Field(ge=1, le=10_000)]
    # Left out where it is the default: the digests of earlier campaigns stay what they were.
    in_flight: Annotated[int | None, Field(ge=1, le=100, exclude_if=lambda given: given is None)] = None
    lab_hours: Quantity | None = None
    real_hours: Quantity | None = None
    fields: Count | None = None

    @field_validator("lab_hours", "real_hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> float | None:
        if value is None:
            return None
        number = in_unit(value, "h")
        if number <= 0:
            raise error("a time above 0 h", value)
        return number


class Optimiser(Section):
    """How the next experiment is chosen.

    ``pso`` is the swarm through the generator, with its size, its iterations, and the images it generates per
    evaluation and magnification. The others are for comparison and generate nothing: ``bayesian`` (Gaussian
    processes on what was measured; needs the extra of that name), ``sobol`` (a design) and ``random``.
    ``images`` is one number for all magnifications, or a mapping from magnification to number.
    ``candidates`` is how many good and different proposals it returns.
    """

    method: Literal["pso", "bayesian", "sobol", "random"] = "pso"
    particles: Annotated[int, Field(ge=2, le=10_000)] = 40
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 50
    images: Count | dict[int, Count] = 4
    candidates: Annotated[int, Field(ge=1, le=100)] = 3

    @field_validator("images", mode="before")
    @classmethod
    def _images(cls, images: object) -> object:
        counts = list(images.values()) if isinstance(images, dict) else [images]
        if (
            not counts
            or not all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 10_000 for n in counts)
            or (isinstance(images, dict) and not all(str(key).isdecimal() for key in images))
        ):
            raise error(
                "a whole number of images from 1 to 10000, or such a number for each magnification", images
            )
        return {int(key): n for key, n in images.items()} if isinstance(images, dict) else images

    def images_at(self, magnification: int) -> int:
        """Images to generate per evaluation at a magnification (4 where the mapping is silent)."""
        return self.images.get(magnification, 4) if isinstance(self.images, dict) else self.images


class Model(Section):
    """What predicts descriptors from conditions.

    ``generator`` is a version in the registry, ``current`` for the promoted one, or ``none``: then a
    surrogate is learnt from the campaign's own data alone.
    """

    generator: Annotated[str, Field(min_length=1, max_length=120)] | None = CURRENT

    @field_validator("generator", mode="after")
    @classmethod
    def _none(cls, name: str | None) -> str | None:
        return None if name is not None and name.lower() == "none" else name


class Approval(Section):
    """Who has to agree before a dispatch: a person ``always``, for the ``first_n`` experiments, or ``never``.

    With ``outside_trust_region`` a person where the model was not trained on anything like it (a manifold
    distance above 1, or unknown). ``never`` is for simulated labs only. An approval expires after
    ``expires_h`` hours.
    """

    policy: Literal["always", "never", "first_n", "outside_trust_region"] = "always"
    n: Count | None = None
    expires_h: Quantity = 24.0

    @field_validator("expires_h", mode="before")
    @classmethod
    def _expires(cls, value: object) -> float:
        number = in_unit(value, "h")
        if not 0 < number <= 24 * 365:
            raise error("a time above 0 h and up to a year", value)
        return number

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """``n`` goes with ``first_n``."""
        first_n = raw.get("policy") == "first_n"
        if first_n and raw.get("n") is None:
            yield detail(("n",), "how many experiments a person approves first", None)
        if not first_n and raw.get("n") is not None:
            yield detail(("n",), "n only with the policy first_n", raw["n"])

    def required(self, index: int, manifold_distance: float | None = None) -> bool:
        """Whether a person has to approve experiment ``index`` (counted from 1).

        ``manifold_distance`` is 0 at what the model was trained on, 1 at its edge; None where nobody knows.
        """
        if self.policy == "outside_trust_region":
            # Written so that NaN is outside too.
            return manifold_distance is None or not manifold_distance <= 1.0
        return self.policy == "always" or (self.n is not None and index <= self.n)


class FineTune(Section):
    """Fine-tuning after every ``every`` accepted experiments.

    It takes ``steps`` of training, with ``replay`` as the share of earlier data in each batch; every
    ``hold_out_every``-th accepted experiment is kept for judging only.
    """

    every: Annotated[int, Field(ge=1, le=1000)] = 1
    steps: Count = 200
    replay: Quantity = 0.5
    hold_out_every: Annotated[int, Field(ge=2, le=1000)] = 4

    @field_validator("replay", mode="before")
    @classmethod
    def _replay(cls, value: object) -> float:
        number = in_unit(value, "")
        if not 0 <= number < 1:
            raise error("a share from 0 up to, but not including, 1", value)
        return number


class Gate(Section):
    """A candidate is promoted only if its error on held-out conditions falls by more than this share."""

    min_improvement: Quantity = 0.0

    @field_validator("min_improvement", mode="before")
    @classmethod
    def _share(cls, value: object) -> float:
        number = in_unit(value, "")
        if not 0 <= number < 1:
            raise error("a share from 0 up to, but not including, 1", value)
        return number


class Learning(Section):
    """What is learnt from accepted experiments; without ``fine_tune`` only the residual model learns.

    ``follow_current`` has a running campaign go on, between two experiments, with the version that has become
    current meanwhile (by a scheduled retraining, say); the same seed then gives the same campaign no more.
    """

    fine_tune: FineTune | None = None
    gate: Gate = Gate()
    # Left out where it is the default: the digests of earlier campaigns stay what they were.
    follow_current: Annotated[bool, Field(exclude_if=lambda given: not given)] = False


class Stopping(Section):
    """A campaign has stalled when ``stall_after`` experiments in a row did not bring the best distance to the
    target down by more than the share ``min_improvement``, and also when ``give_up_after`` failed in a row.
    """

    stall_after: Annotated[int, Field(ge=2, le=10_000)] = 6
    # Left out where it is the default: the digests of earlier campaigns stay what they were.
    give_up_after: Annotated[int, Field(ge=1, le=100, exclude_if=lambda given: given == 3)] = 3
    min_improvement: Quantity = 0.05

    @field_validator("min_improvement", mode="before")
    @classmethod
    def _share(cls, value: object) -> float:
        number = in_unit(value, "")
        if not 0 <= number < 1:
            raise error("a share from 0 up to, but not including, 1", value)
        return number
