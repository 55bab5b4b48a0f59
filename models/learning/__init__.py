"""Learning from what was measured: observations, residual models, corrected predictions."""
