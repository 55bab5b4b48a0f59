"""How far a prediction can be trusted, in words."""


def distance_in_words(distance: float | None) -> str:
    """What the distance to the conditions of training means."""
    if distance is None:
        return (
            "◆ No generator predicts here: what is expected comes from the experiments measured so far, "
            "once there are enough."
        )
    if distance > 1:
        return (
            f"✕ OUTSIDE what the model has seen ({distance:.1f} times as far as its edge): an extrapolation. "
            "Expect surprises, also in what is safe."
        )
    if distance > 0.7:
        return (
            "◆ Within what the model has seen, but near its edge: the prediction may be less good than "
            "on the conditions that were held out."
        )
    return (
        "✓ Well within the conditions that the model was trained on: expect errors as on the conditions that "
        "were held out."
    )


def distance_tone(distance: float | None) -> str:
    """The tone of :func:`distance_in_words`."""
    if distance is None or 0.7 < distance <= 1:
        return "warn"
    return "bad" if distance > 1 else "good"
