"""Measuring one's own images, and asking the model; done by a process beside the server."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.exceptions import HTTPException

from dashboard.api.access import Explorer
from dashboard.api.values import Answer, Body, Conditions, Number
from dashboard.worker import Worker
from models.errors import UnusableInput

router = APIRouter(tags=["explore"])

MOST_FILES = 20
# By what a file begins with, whatever its name says: TIFF of both byte orders, BigTIFF, PNG, JPEG.
BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")

UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {
                        "images": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}


class Predict(Body):
    """Conditions in the units of the version (default: the current one)."""

    conditions: Conditions
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Estimate(Answer):
    """Mean and standard deviation of a predicted descriptor."""

    mean: Number
    sd: Number


class Prediction(Answer):
    """What a version expects; outside what it was trained on, ``in_manifold`` is false."""

    descriptors: dict[str, Estimate]
    in_manifold: bool
    manifold_distance: Number
    model: str


class Measured(Answer):
    """Images one by one, and pooled with their intervals."""

    images: list[dict[str, Any]]
    pooled: dict[str, dict[str, Any]]


@router.post("/quantify", openapi_extra=UPLOAD)
async def quantify(
    request: Request,
    visitor: Explorer,
    kind: Annotated[Literal["particles", "texture", "auto"], Query()] = "auto",
    pixel_size_um: Annotated[float | None, Query(gt=0, le=1000, allow_inf_nan=False)] = None,
) -> Measured:
    """Measure images of one sample: TIFF, PNG or JPEG, by content; at most 20 of them, 100 MB in all."""
    # The body is read only now that we know who sends it.
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "Send images as multipart/form-data, in the field `images`.")
    files = []
    async with request.form(max_files=MOST_FILES, max_fields=0) as form:
        for _, upload in form.multi_items():
            assert not isinstance(upload, str)
            content = await upload.read()
            if not content.startswith(BEGINNINGS):
                raise HTTPException(415, "Only TIFF, PNG and JPEG images can be measured.")
            files.append((_name(upload.filename), content))
    if not files:
        raise UnusableInput("No image was sent; send at least one, in the field `images`.")
    from dashboard import computed

    worker: Worker = request.app.state.worker
    found = await worker.ask(computed.measure_images, tuple(files), kind, pixel_size_um)
    return Measured(
        images=[
            {
                "name": one.name,
                "kind": one.kind,
                "pixel_size_um": one.pixel_size_um,
                "descriptors": dict(one.descriptors),
                "count": one.count,
                "warnings": list(one.warnings),
                "refused": one.refused,
            }
            for one in found.images
        ],
        pooled={name: _plain(asdict(interval)) for name, interval in found.pooled.items()},
    )


@router.post("/predict")
def predict(request: Request, visitor: Explorer, body: Predict) -> Prediction:
    """What the model expects of conditions."""
    from dashboard import computed

    worker: Worker = request.app.state.worker
    found = worker.answer(computed.imagine, body.version, dict(body.conditions), body.seed)
    return Prediction(
        descriptors={name: Estimate(mean=one.mean, sd=one.sd) for name, one in found.estimates.items()},
        in_manifold=found.distance <= 1.0,
        manifold_distance=found.distance,
        model=found.version,
    )


def _name(given: str | None) -> str:
    """The last part of a file's name, which is only shown."""
    return "".join(c for c in (given or "image").replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())[
        :100
    ]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not abs(value) < float("inf") else value
        for name, value in values.items()
    }
