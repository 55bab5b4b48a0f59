"""The dashboard's pages; a campaign's own page is its report as it stands now."""

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from campaigns.ledger import CampaignRecord, CampaignState

REFRESH_S = 20


def index_page(campaigns: Sequence[CampaignRecord]) -> str:
    """The list of all campaigns."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(files("dashboard").joinpath("index.html").read_text(encoding="utf-8"))
    style = files("campaigns.report").joinpath("style.css").read_text(encoding="utf-8")
    return template.render(campaigns=campaigns, style=Markup(style), refresh=REFRESH_S)


def campaign_page(report: str, record: CampaignRecord) -> str:
    """A campaign's report with a way back to the list; while it runs, the page reloads itself."""
    head, body = Markup("<head>\n"), Markup("<main>\n")
    reload = f'<meta http-equiv="refresh" content="{REFRESH_S}">\n'
    page = report.replace(body, f'{body}<p><a class="accent" href="/">All campaigns</a></p>\n', 1)
    return page.replace(head, f"{head}{reload}", 1) if record.status is CampaignState.RUNNING else page
