"""The parts of :mod:`benchmarks.quantification`."""
