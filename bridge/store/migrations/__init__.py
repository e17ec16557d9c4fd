"""Alembic scripts: how any earlier schema becomes this one."""
