"""How the lab is driven: ophyd devices, bluesky plans, limits, lab files. Nothing here knows a material."""

import os

# ophyd would otherwise start EPICS wherever it is installed; only a lab file over EPICS asks for it.
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")
