"""The steps of one iteration, one per file."""
