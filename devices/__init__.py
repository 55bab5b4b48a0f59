"""How the lab is driven: ophyd devices, bluesky plans, limits, lab files."""
