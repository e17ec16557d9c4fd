"""The id of the client's request on its edit and receipt."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("intent", sa.Column("request_id", sa.Text(), server_default="", nullable=False))
