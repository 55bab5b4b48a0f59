"""Run by Alembic: the migrations on the connection that the caller hands over."""

from alembic import context

from campaigns.people.tables import PeopleRow

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=PeopleRow.metadata,
    # SQLite can undo schema changes too, once the transaction is begun by us: a killed upgrade leaves
    # nothing half done.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
