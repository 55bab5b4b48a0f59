"""Errors of the lab that a person can act on."""


class LabError(ValueError):
    """The lab cannot do what was asked.

    The message is one sentence: what is wrong, what was expected, what to do. The command line prints it
    without a traceback and ends with status 2.
    """


class LabStopped(LabError):  # noqa: N818 — being stopped is no error of anyone's
    """A person, or the program on a person's behalf, stopped the lab; the reactor is in its safe state."""
