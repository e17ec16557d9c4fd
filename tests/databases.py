"""Empty databases for tests: SQLite always, PostgreSQL when ``BRIDGE_TEST_POSTGRES`` names a server."""

import contextlib
import os
import secrets

import pytest
import sqlalchemy as sa

POSTGRES = os.environ.get("BRIDGE_TEST_POSTGRES", "")
KINDS = ("sqlite", "postgresql")


@contextlib.contextmanager
def empty_database(kind, folder):
    """Yield the address of a database that nobody else uses, and remove it afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/queqiao.db"
        return
    if not POSTGRES:
        pytest.skip("BRIDGE_TEST_POSTGRES names no server; .ci/run starts one")
    name = f"q{secrets.token_hex(6)}"
    admin = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as c:
            c.execute(sa.text(f"CREATE DATABASE {name}"))
        try:
            yield sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
        finally:
            with admin.connect() as c:
                c.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    finally:
        admin.dispose()
