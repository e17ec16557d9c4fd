"""When objects happen, without their texts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply; every object is one stretch of time in which its text is read, until it is worked out."""
    op.add_column(
        "object", sa.Column("indexed_until_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index("ix_object_indexed_until_ms", "object", ["indexed_until_ms"])
    op.create_table(
        "occurrence",
        sa.Column("object_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("reach", sa.SmallInteger(), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("sure", sa.SmallInteger(), nullable=False),
        sa.Column("busy", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["object_id"], ["object.id"], name=op.f("fk_occurrence_object_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object_id", "number", name=op.f("pk_occurrence")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_occurrence_collection_id_reach",
        "occurrence",
        ["collection_id", "reach", "starts_ms", "ends_ms", "sure", "busy", "object_id"],
    )
    look = sa.text("""
        INSERT INTO occurrence (object_id, number, collection_id, reach, starts_ms, ends_ms, sure, busy)
        SELECT id, 0, collection_id, 5, starts_ms - 100800000, ends_ms + 100800000, 2, 1 FROM object
    """)  # the longest class of length, 28 hours wider, "look", busy
    op.execute(look)
