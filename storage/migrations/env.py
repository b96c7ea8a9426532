"""What Alembic runs. The connection comes from `storage.migrations`; nothing here opens one."""

from alembic import context

from storage.migrations import include_name
from storage.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=include_name,
    transactional_ddl=False,  # the caller's transaction holds it all, on both databases
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
