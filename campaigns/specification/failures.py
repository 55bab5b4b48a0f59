"""What a campaign does when the lab fails at a step."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from campaigns.specification.faults import error
from campaigns.specification.quantities import Quantity, in_unit
from campaigns.specification.section import Section


class StepFailures(Section):
    """What becomes of the campaign when an experiment cannot come to its end.

    ``lost`` (a batch or a sample is lost, or no image is fit): ``skip`` the experiment and propose another,
    ``ask`` a person before that, or ``abort`` the campaign.
    """

    lost: Literal["skip", "ask", "abort"] = "skip"


class ImagingFailures(StepFailures):
    """``stuck``: a microscope works only when somebody has seen to it.

    Then ``ask``, or give the experiment up (``skip``), or ``abort``. ``retries``: how often one that failed
    is asked for the same fields again before it counts as stuck; ``back_off``: minutes before the first time,
    twice as long before each further one (in a simulated lab nobody waits).
    """

    stuck: Literal["ask", "skip", "abort"] = "ask"
    retries: Annotated[int, Field(ge=0, le=20)] = 2
    back_off: Quantity = 1.0

    @field_validator("back_off", mode="before")
    @classmethod
    def _minutes(cls, value: object) -> float:
        number = in_unit(value, "min")
        if not 0 <= number <= 24 * 60:
            raise error("a time from 0 min up to a day", value)
        return number


class Failures(Section):
    """What happens when ``synthesise`` or ``image`` fails.

    A failed batch is never repeated under its key, and of a reactor that is stuck a person decides.
    """

    synthesise: StepFailures = StepFailures()
    image: ImagingFailures = ImagingFailures()

    def of(self, step: str) -> StepFailures:
        """The policy of a step of the flow; all that is not the synthesis works on images."""
        return self.synthesise if step in ("dispatch", "synthesise", "reconcile") else self.image
