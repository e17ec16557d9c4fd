"""Keeping the database: backup, restore, and whether it still holds together."""
