"""The lab over EPICS Channel Access: devices whose logic is in a controller (an IOC) somewhere else."""
