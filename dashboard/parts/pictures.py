"""Micrographs as the browser gets them: made small once, kept, and only what a ledger names."""

import io
import threading
from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse
from markupsafe import Markup

from campaigns.ledger import Micrograph
from campaigns.report import overlay_path
from dashboard.desk import Desk
from dashboard.parts.markup import tag
from models.errors import UnusableInput

Shape = Literal["small", "full", "outlined"]
SMALL_PX = 380
_KEPT = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_at_once = threading.BoundedSemaphore(2)
"""A full field takes tens of megabytes while it is made small: not fifty of them at a time."""


def picture_routes(desk: Desk) -> APIRouter:
    """The route of pictures; a path names an experiment and a checksum, never a file."""
    router = APIRouter()

    @router.get("/pictures/{experiment_id}/{sha256}/{shape}", include_in_schema=False)
    def picture(request: Request, experiment_id: str, sha256: str, shape: Shape) -> FileResponse:
        if desk.visitor(request) is None:
            raise HTTPException(401, "Sign in first.")
        try:
            ledger, _ = desk.source.experiment(experiment_id)
        except UnusableInput as error:
            raise HTTPException(404, str(error)) from error
        found = next((one for one in ledger.micrographs(experiment_id) if one.sha256 == sha256), None)
        if found is None:
            raise HTTPException(404, "There is no such picture.")
        try:
            file = _file(desk, found, shape)
        except (OSError, UnusableInput) as error:
            raise HTTPException(404, f"The picture cannot be shown ({error}).") from error
        return FileResponse(file, headers=_KEPT)

    return router


def _file(desk: Desk, micrograph: Micrograph, shape: Shape) -> Path:
    if micrograph.kind == "predicted":
        return micrograph.path
    if shape == "outlined":
        return overlay_path(micrograph)
    kept = desk.home / "dashboard" / "pictures" / micrograph.sha256[:2] / f"{micrograph.sha256}-{shape}.jpg"
    if not kept.exists():
        with _at_once:
            content = _encoded(micrograph.path, SMALL_PX if shape == "small" else None)
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f".{kept.name}-{threading.get_ident()}")
        temporary.write_bytes(content)
        temporary.replace(kept)
    return kept


def _encoded(path: Path, width: int | None) -> bytes:
    """A stored field as JPEG, its greys as they are, without its information bar."""
    import numpy as np
    from PIL import Image

    from models.micrographs import read

    image = Image.fromarray(np.round(np.clip(read(path)[0].pixels, 0, 1) * 255).astype(np.uint8))
    if width is not None and image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80 if width else 92)
    return buffer.getvalue()


def picture_url(prefix: str, experiment_id: str, micrograph: Micrograph, shape: Shape) -> str:
    """Where a browser finds a picture."""
    return f"{prefix}/pictures/{experiment_id}/{micrograph.sha256}/{shape}"


def shot(source: str, alt: str, width_um: float | None, **attributes: object) -> Markup:
    """A picture with its scale bar; ``width_um`` is what its whole width shows."""
    bar = scale_bar(width_um) if width_um is not None and width_um > 0 else None
    image = tag("img", src=source, alt=alt, loading="lazy")
    return tag("span", image, bar, class_="shot", **attributes)


def scale_bar(width_um: float, zoom: float = 1.0) -> Markup:
    """A scale bar for its container, whose width shows ``width_um`` / ``zoom``."""
    seen = width_um / zoom
    length = nice_length(seen)
    line = tag("i", style=f"width:{100 * length / seen:.3g}cqw")
    return tag("span", line, length_text(length), class_="scale", aria_hidden="true")


@lru_cache(maxsize=8192)
def width_um(micrograph: Micrograph) -> float | None:
    """What the whole width of a stored image shows, in µm; None where its file cannot be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(micrograph.path) as opened:
            return opened.width * micrograph.pixel_size_um
    except (OSError, UnidentifiedImageError):
        return None


def nice_length(width: float) -> float:
    """A round length of about a fifth of ``width``."""
    import math

    power = 10.0 ** math.floor(math.log10(width / 5))
    return max(step * power for step in (1, 2, 5) if step * power <= width / 4)


def length_text(um: float) -> str:
    """A length in µm, or nm where it is small."""
    return f"{um:g} µm" if um >= 0.5 else f"{1000 * um:g} nm"


def data_uri(picture: bytes) -> str:
    """A small picture inside the page."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"
