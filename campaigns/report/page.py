"""The report's page: contents in, one self-contained HTML text out."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from campaigns.report.charts import convergence_chart, descriptor_chart
from campaigns.report.contents import Contents, Picture

_TONES = {
    "converged": "good",
    "running": "accent",
    "waiting": "warn",
    "stalled": "warn",
    "budget_spent": "warn",
}


def render(contents: Contents, confidence: float = 0.95) -> str:
    """The whole page as HTML; it loads nothing from outside and reads well on light and dark backgrounds."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = figure
    environment.filters["signed"] = signed
    folder = files("campaigns.report")
    template = environment.from_string(folder.joinpath("page.html").read_text())
    return template.render(
        contents=contents,
        style=Markup(folder.joinpath("style.css").read_text()),  # our own file, not a user's text
        tone=_TONES.get(contents.status, "bad"),
        confidence=f"{confidence:.0%}",
        charts=[descriptor_chart(target, contents.experiments) for target in contents.targets],
        convergence=convergence_chart(contents),
        figure_of=_figure_of,
    )


def figure(value: float) -> str:
    """A number with three significant figures, without an exponent where a person would write none."""
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e" in text and 1000 <= abs(value) < 1e6 else text


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{'+' if value > 0 else ''}{figure(value)}"


def _figure_of(picture: Picture) -> Markup:
    if not picture.uri:
        return Markup('<figure><figcaption class="bad">{}</figcaption></figure>').format(picture.caption)
    return Markup(
        '<figure><img src="{0}" alt="{1}" loading="lazy"><figcaption>{1}</figcaption></figure>'
    ).format(picture.uri, picture.caption)
