"""Errors that a person can act on."""


class UnusableInput(ValueError):  # noqa: N818 - it names what came, and its text is the sentence
    """Input that cannot be used; the message is one sentence: what is wrong, what was expected, what to do.

    The command line prints it without a traceback and ends with status 2.
    """
