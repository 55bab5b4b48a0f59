"""Procedures: what happens in which order (Prefect flows and tasks; no physics, no SQL)."""
