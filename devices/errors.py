"""Errors of the lab that a person can act on."""


class LabError(ValueError):
    """The lab cannot do what was asked.

    The message is one sentence: what is wrong, what was expected, what to do. The command line prints it
    without a traceback and ends with status 2.
    """


class LabStopped(LabError):  # noqa: N818 — being stopped is no error of anyone's
    """A person, or the program on a person's behalf, stopped the lab; the reactor is in its safe state."""


class DeviceFault(LabError):  # noqa: N818
    """A device failed at what it was doing, which is lost; the lab is safe and can try something else."""


class NeedsPerson(LabError):  # noqa: N818
    """A device goes on only when a person has seen to it; nothing that was made is lost."""


class LabDown(LabError):  # noqa: N818
    """The lab as a whole is down, without power, say; what was begun is told when it is up again."""


class SampleLost(LabError):  # noqa: N818
    """A person says that there is no sample to go on with: spilled, or given up."""
