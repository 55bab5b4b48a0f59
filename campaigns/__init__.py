"""What a campaign is: specification, records, ledger, approvals, decisions, report."""
