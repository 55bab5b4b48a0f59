"""What a microscope's own program writes into a TIFF beside the image: the header of Zeiss, tag 34118.

Other programs (Gwyddion, ImageJ's plug-ins, tifffile) read it; so a simulated image opens in them to scale.
"""

from dataclasses import dataclass
from datetime import datetime

ZEISS_TAG = 34118
# Not by locale: the same image has the same bytes everywhere.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class BeamSettings:
    """How the column stood: voltage in kV, working distance in mm, dwell time per pixel in ns."""

    kilovolts: float
    working_distance_mm: float
    dwell_ns: float
    detector: str


def zeiss_header(
    beam: BeamSettings,
    *,
    scan: tuple[int, int],
    magnification: float,
    pixel_size_um: float,
    acquired_at: str,
    instrument: str,
) -> bytes:
    """The header as ASCII, a name and a value a line each; ``scan`` is (width, height) in pixels.

    ``acquired_at`` is ISO 8601. Errors: ValueError if it is not.
    """
    when = datetime.fromisoformat(acquired_at)
    mag = f"{magnification / 1000:.6g} K X" if magnification >= 1000 else f"{magnification:.6g} X"
    entries = {
        "AP_ACTUALKV": f"EHT = {beam.kilovolts:.2f} kV",
        "AP_WD": f"WD = {beam.working_distance_mm:.1f} mm",
        "AP_MAG": f"Mag = {mag}",
        "AP_IMAGE_PIXEL_SIZE": f"Image Pixel Size = {pixel_size_um * 1e3:.6g} nm",
        "DP_IMAGE_STORE": f"Store resolution = {scan[0]} * {scan[1]}",
        "DP_DETECTOR_TYPE": f"Detector = {beam.detector}",
        "DP_DWELL_TIME": f"Dwell Time = {beam.dwell_ns:.6g} ns",
        "AP_DATE": f"Date :{when.day} {MONTHS[when.month - 1]} {when.year}",
        "AP_TIME": f"Time :{when:%H:%M:%S}",
        "SV_SERIAL_NUMBER": f"Serial No. = {instrument}",
    }
    lines = (line for name, value in entries.items() for line in (name, value))
    return "\r\n".join(lines).encode("ascii", "replace") + b"\r\n\0"
