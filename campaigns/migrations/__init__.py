"""The ledger's schema, step by step (Alembic); applied when a ledger is opened."""
