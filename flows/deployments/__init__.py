"""What a flow adds where Prefect runs it for a lab: names, artifacts, decisions, supervision, schedules.

Nothing here is needed for a campaign to be right: that is in the ledger. A run that was not deployed
passes through all of it without a request to the server.
"""
