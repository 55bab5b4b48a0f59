"""What a proposal's model predicts: descriptors, micrographs, and how far to trust them."""

from markupsafe import Markup

from dashboard.pages.trust import distance_in_words, distance_tone
from dashboard.parts.frame import Page
from dashboard.parts.markup import NOTHING, facts, join, quantity, table, tag
from dashboard.parts.pictures import picture_url, shot, width_um
from dashboard.reading.proposal import Expected, ProposalView


def model(found: ProposalView) -> Markup:
    """Which model predicts, and how far its conditions are from what it knows."""
    one = found.experiment
    return join(
        (
            tag("h2", "How far to trust the prediction"),
            facts(
                [
                    ("model", one.model_version or NOTHING),
                    ("objective", quantity(one.objective)),
                    ("distance to what is known", quantity(one.manifold_distance)),
                ]
            ),
            tag(
                "div",
                distance_in_words(one.manifold_distance),
                class_="notice " + distance_tone(one.manifold_distance),
                style="margin-top:8px",
            ),
        )
    )


def expected(found: ProposalView) -> Markup:
    """Each descriptor: wanted, predicted, and how far predictions have been off."""
    rows: list[tuple[object, ...]] = [
        (
            one.wanted.descriptor,
            f"{one.wanted.text} {one.wanted.unit}".strip(),
            *_prediction(one),
            tag("td", one.wanted.meaning, class_="wide faint"),
        )
        for one in found.expected
    ]
    rows += [
        (
            one.descriptor,
            NOTHING,
            f"{quantity(one.estimate.mean)} ± {quantity(one.estimate.sd, one.unit)}",
            NOTHING,
            NOTHING,
            "",
        )
        for one in found.others
    ]
    headings = [
        "descriptor",
        "wanted",
        "predicted ± SD",
        "chance to be within",
        "error on held-out conditions",
        "meaning",
    ]
    return join((tag("h2", "Expected against wanted"), table(headings, rows)))


def _prediction(one: Expected) -> tuple[object, object, object]:
    error = quantity(one.held_out, one.wanted.unit) if one.held_out is not None else "not known"
    if one.prediction is None:
        return "nothing", NOTHING, error
    estimate = one.prediction.estimate
    return (
        f"{quantity(estimate.mean)} ± {quantity(estimate.sd, one.wanted.unit)}",
        f"{100 * one.chance:.0f} %" if one.chance is not None else NOTHING,
        error,
    )


def pictures(view: Page, found: ProposalView) -> Markup:
    """Predicted micrographs by magnification."""
    groups = []
    for magnification in sorted({one.magnification for one in found.pictures}):
        of_it = [one for one in found.pictures if one.magnification == magnification]
        shots = [
            tag(
                "figure",
                shot(
                    picture_url(view.prefix, found.experiment.id, one, "full"),
                    f"predicted micrograph {n} at {magnification:g} times",
                    width_um(one),
                ),
            )
            for n, one in enumerate(of_it, start=1)
        ]
        groups.append(join((tag("h3", f"at {magnification:g}×"), tag("div", *shots, class_="pictures few"))))
    body = (
        join(groups)
        if groups
        else tag("p", "None: no generator imagines micrographs in this campaign.", class_="faint")
    )
    return join((tag("h2", "Predicted micrographs"), body))
