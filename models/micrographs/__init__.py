"""Micrographs: reading them with their pixel size, cutting the information bar."""
