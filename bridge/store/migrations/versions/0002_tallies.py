"""Counts that all nodes share: billed calls of a month, creations of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; a month's calls were kept among the tokens before."""
    op.create_table(
        "tally",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tally")),
    )
    op.execute(
        "INSERT INTO tally (name, used, until_ms) "
        "SELECT name, CAST(value AS BIGINT), expires_ms FROM token WHERE name LIKE '%:calls:____-__'"
    )
    op.execute("DELETE FROM token WHERE name LIKE '%:calls:____-__'")
