"""What Alembic runs. The connection comes from `storage.migrations`; nothing here opens one."""

from alembic import context

from storage.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transactional_ddl=False,  # the caller's transaction holds it all, on both databases
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
