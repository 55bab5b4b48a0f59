"""When to fine-tune, and what is kept apart to judge by."""


def held_out(accepted: int, every: int) -> bool:
    """Whether the ``accepted``-th accepted experiment (from 1) is kept for judging and never trained on.

    Every ``every``-th is: the choice depends on nothing but the count, so that no version is ever judged by
    conditions that it or an earlier version was trained on.
    """
    if accepted < 1 or every < 2:
        raise ValueError(f"Expected accepted ≥ 1 and every ≥ 2, got {accepted} and {every}.")
    return accepted % every == 0


def fine_tune_due(accepted: int, every: int) -> bool:
    """Whether fine-tuning follows the ``accepted``-th accepted experiment (from 1)."""
    if accepted < 0 or every < 1:
        raise ValueError(f"Expected accepted ≥ 0 and every ≥ 1, got {accepted} and {every}.")
    return accepted > 0 and accepted % every == 0
