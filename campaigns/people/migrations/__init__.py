"""The schema of people, step by step (Alembic); applied when the people of a lab are opened."""
