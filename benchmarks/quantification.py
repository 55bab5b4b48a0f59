"""How true the measured sizes, shapes and textures are, and where their errors come from.

Usage: python -m benchmarks.quantification [outlines|fields|texture] [--fields 80] [--segmenters classical …]

``outlines``: bias and scatter of the outline estimator on drawn particles of known form, 8 to 200 px across,
with the true masks. ``fields``: D50, mean Ψ and SD of Ψ of simulated precursors from hidden plants that
nothing was tuned on, against the particles that were drawn, with the true masks and with segmenters; and the
error of single particles by how much of their outline touches others. ``texture``: what gain, offset, noise,
defocus, rotation and magnification do to the texture of close-ups. Without a word: all three.
"""

import argparse

from benchmarks.compared.asked import Asked
from benchmarks.quantified.fields import print_fields
from benchmarks.quantified.outlines import print_outlines
from benchmarks.quantified.texture import print_texture
from models.morphology.learned.segmenter import SHIPPED


def _there() -> list[str]:
    """The segmenters that need nothing but what is shipped."""
    return ["classical", "learned"] if SHIPPED.exists() else ["classical"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("outlines", "fields", "texture"))
    parser.add_argument("--fields", type=int, default=80, help="fields of each powder (default 80)")
    parser.add_argument(
        "--touching",
        type=float,
        default=0.25,
        help="Ψ also of particles that touch no more (default 0.25: of all)",
    )
    parser.add_argument("--segmenters", nargs="*", default=_there(), help="default: those there are")
    options = parser.parse_args()
    asked = Asked("quantification")
    if options.what in (None, "outlines"):
        print_outlines(asked)
    if options.what in (None, "fields"):
        print_fields(options.fields, options.segmenters, options.touching, asked)
    if options.what in (None, "texture"):
        print_texture(asked)
    asked.end()


if __name__ == "__main__":
    main()
