"""Procedures: what happens in which order; no physics, no SQL."""

from flows.settings import prepare

# Prefect reads its environment when it is first imported, which every module of this package does.
prepare()
