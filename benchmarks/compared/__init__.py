"""Hidden simulated labs with targets of their own, and the methods that are let loose on them."""
