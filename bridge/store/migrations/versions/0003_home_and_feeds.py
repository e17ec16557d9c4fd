"""What clients set on a person; feeds of all calendars of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("principal", sa.Column("props", sa.Text(), server_default="{}", nullable=False))
    with op.batch_alter_table("feed") as feed:
        feed.alter_column("collection_id", existing_type=sa.BigInteger(), nullable=True)
