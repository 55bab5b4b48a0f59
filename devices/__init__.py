"""How the lab is driven: ophyd devices, bluesky plans, limits, lab files. Nothing here knows a material."""
