import io

from rich.console import Console

from cli.display import CampaignDisplay
from flows.progress import Event, tell, watched


def test_a_log_has_one_line_for_each_step_and_few_ticks():
    out = io.StringIO()
    with CampaignDisplay(Console(file=out)) as display, watched(display):
        tell(Event("suggest", "searching", 1, 8))
        for tick in range(1, 50):
            tell(Event("suggest", "best objective 0.5", 1, 8, tick, 50))
        tell(Event("image", "3000×, fields [1] to 4", 1, 8))
        tell(Event("suggest", "searching", 2, 8))
        tell(Event("stop", "converged"))
    lines = out.getvalue().splitlines()
    assert len(lines) == 4  # the ticks came too fast
    assert "experiment 1/8 suggest searching" in lines[0]
    assert "fields [1] to 4" in lines[1]
    assert "left)" in lines[2]


def test_a_terminal_gets_a_live_display():
    out = io.StringIO()
    with CampaignDisplay(Console(file=out, force_terminal=True, width=120)) as display, watched(display):
        tell(Event("suggest", "searching", 1, 8))
        tell(Event("suggest", "best objective 0.5", 1, 8, 10, 50))
    assert "suggest" in out.getvalue()
    assert "\x1b[" in out.getvalue()
