"""Alembic's entry: run on the connection that ``Store.migrate`` hands over."""

from alembic import context

from bridge.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
if connection.in_transaction():
    connection.commit()
