"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "address",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("upstream_id", sa.Text(), server_default="", nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "address", name=op.f("pk_address")),
    )
    op.create_table(
        "calendar",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_id", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Text(), server_default="", nullable=False),
        sa.Column("upstream_id", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("color", sa.Text(), server_default="", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("pulled_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deep_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pull_at_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default="starting", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("held", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
        sa.UniqueConstraint(
            "source_id", "account", "upstream_id", name=op.f("uq_calendar_source_id_account_upstream_id")
        ),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("until_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "person",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("upstream_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "upstream_id", name=op.f("pk_person")),
    )
    op.create_table(
        "principal",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principal")),
        sa.UniqueConstraint("name", name=op.f("uq_principal_name")),
    )
    op.create_table(
        "token",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_token")),
    )
    op.create_table(
        "collection",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("principal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.Text(), server_default="", nullable=False),
        sa.Column("writable", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("props", sa.Text(), server_default="{}", nullable=False),
        sa.Column("change_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("floor_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_collection_calendar_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_collection_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
        sa.UniqueConstraint(
            "principal_id", "calendar_id", name=op.f("uq_collection_principal_id_calendar_id")
        ),
        sa.UniqueConstraint("principal_id", "slug", name=op.f("uq_collection_principal_id_slug")),
    )
    with op.batch_alter_table("collection", schema=None) as batch_op:
        batch_op.create_index("ix_collection_calendar_id", ["calendar_id"], unique=False)

    op.create_table(
        "gone",
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("upstream_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_gone_calendar_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("calendar_id", "upstream_id", name=op.f("pk_gone")),
    )
    op.create_table(
        "link",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("principal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Text(), server_default="", nullable=False),
        sa.Column("vendor_id", sa.Text(), server_default="", nullable=False),
        sa.Column("upstream_id", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="starting", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("retry_at_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calendar_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_link_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("principal_id", "source_id", name=op.f("uq_link_principal_id_source_id")),
    )
    op.create_table(
        "password",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("principal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("read_only", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_used_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_password_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password")),
        sa.UniqueConstraint("hash", name=op.f("uq_password_hash")),
    )
    with op.batch_alter_table("password", schema=None) as batch_op:
        batch_op.create_index("ix_password_principal_id", ["principal_id"], unique=False)

    op.create_table(
        "feed",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("detail", sa.Text(), server_default="full", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_feed_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_feed_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint("hash", name=op.f("uq_feed_hash")),
    )
    op.create_table(
        "object",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("href", sa.Text(), server_default="", nullable=False),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recurring", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("exact_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_object_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_object")),
        sa.UniqueConstraint("collection_id", "href", name=op.f("uq_object_collection_id_href")),
    )
    with op.batch_alter_table("object", schema=None) as batch_op:
        batch_op.create_index(
            "ix_object_collection_id_change_seq", ["collection_id", "change_seq"], unique=False
        )
        batch_op.create_index("ix_object_collection_id_ends_ms", ["collection_id", "ends_ms"], unique=False)
        batch_op.create_index(
            "uq_object_collection_id_uid",
            ["collection_id", "uid"],
            unique=True,
            sqlite_where=sa.text("deleted = 0"),
            postgresql_where=sa.text("deleted = 0"),
        )

    op.create_table(
        "tombstone",
        sa.Column("collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("href", sa.Text(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_tombstone_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "href", name=op.f("pk_tombstone")),
    )
    with op.batch_alter_table("tombstone", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tombstone_collection_id_change_seq", ["collection_id", "change_seq"], unique=False
        )

    op.create_table(
        "intent",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("href", sa.Text(), server_default="", nullable=False),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="put", nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("device", sa.Text(), server_default="", nullable=False),
        sa.Column("client_text", sa.Text(), nullable=True),
        sa.Column("base_text", sa.Text(), nullable=True),
        sa.Column("lost_text", sa.Text(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("steps_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("retry_at_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("owned_until_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("losses", sa.Text(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_intent_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["object.id"], name=op.f("fk_intent_object_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
    )
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.create_index(
            "ix_intent_collection_id_closed_ms", ["collection_id", "closed_ms"], unique=False
        )
        batch_op.create_index("ix_intent_object_id", ["object_id"], unique=False)
        batch_op.create_index("ix_intent_state_retry_at_ms", ["state", "retry_at_ms"], unique=False)
        batch_op.create_index(
            "uq_intent_object_id_in_flight",
            ["object_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_flight'"),
            postgresql_where=sa.text("state = 'in_flight'"),
        )

    op.create_table(
        "item",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("collection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("upstream_id", sa.Text(), server_default="", nullable=False),
        sa.Column("payload", sa.Text(), server_default="{}", nullable=False),
        sa.Column("snapshot", sa.Text(), server_default="{}", nullable=False),
        sa.Column("series_id", sa.Text(), server_default="", nullable=False),
        sa.Column("origin", sa.Text(), server_default="", nullable=False),
        sa.Column("cancelled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_item_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["object.id"], name=op.f("fk_item_object_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("collection_id", "upstream_id", name=op.f("uq_item_collection_id_upstream_id")),
        sa.UniqueConstraint("object_id", "key", name=op.f("uq_item_object_id_key")),
    )
