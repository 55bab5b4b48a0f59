"""The operator's window, over the same store the flows use."""
