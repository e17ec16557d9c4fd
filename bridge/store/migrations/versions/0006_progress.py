"""How far a calendar's first load has come."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("loaded", "expected"):
        op.add_column(
            "calendar", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
