"""When it was last looked whether to retrain, with what result, and when it will be again."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.generator.registry import models_directory
from models.generator.writing import write_whole

NAME = "retraining.json"


class RetrainingCheck(BaseModel):
    """A look at ``at`` (ISO 8601, UTC) at the experiments of one kind of lab.

    ``due`` says whether there was cause to retrain and ``reason`` why; ``next_at`` is the next look that is
    scheduled, empty where none is.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    at: str
    simulated: bool
    due: bool
    reason: str
    next_at: str = ""


def write_check(check: RetrainingCheck, home: Path) -> None:
    """Keep the latest look, whole or not at all. Errors: OSError."""
    write_whole(models_directory(home) / NAME, check.model_dump_json())


def read_check(home: Path) -> RetrainingCheck | None:
    """The latest look; None where there was none."""
    try:
        return RetrainingCheck.model_validate_json((models_directory(home) / NAME).read_bytes())
    except (OSError, ValidationError):
        return None
