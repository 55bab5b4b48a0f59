"""The simulated lab: precipitation, powder, microscope, clock, devices. Imports nothing from `models`."""
