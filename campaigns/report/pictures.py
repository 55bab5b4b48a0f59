"""Pictures for the page: stored images, made small and carried inside it."""

import base64
import io
from pathlib import Path

from campaigns.report.contents import Picture


def embed(path: Path, caption: str, kind: str, width: int = 480) -> Picture:
    """A stored image as a data URI, at most ``width`` pixels wide; a missing file says so in its caption.

    Small images (generated tiles) are kept as they are, lossless; photographs become JPEG.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        return Picture("", f"{caption} — not shown: {path.name} cannot be read ({error})", kind)
    lossless = image.width <= 256
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if lossless:
        image.convert("L").save(buffer, "PNG", optimize=True)
    else:
        image.save(buffer, "JPEG", quality=82)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f"data:image/{'png' if lossless else 'jpeg'};base64,{encoded}", caption, kind)
