"""Instruments that a person works: what is to be done is written down, and done when the person says so."""
