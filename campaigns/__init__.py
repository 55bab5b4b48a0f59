"""What a campaign is: its specification, its ledger, its decisions and its report.

- :mod:`campaigns.specification`: the campaign file, ``load(path) -> Campaign``
- :mod:`campaigns.ledger`: what happened, ``Ledger.open(path_or_url, simulated=…)``
- :mod:`campaigns.decisions`: met or missed, more fields, stop or go on (pure functions)
"""
