"""The only memory: SQLite or PostgreSQL, one text of SQL for both. Functions take the connection."""
