"""Both databases run one suite: SQLite always, PostgreSQL when ``BRIDGE_TEST_POSTGRES`` names a server."""

import os
import secrets

import pytest
import sqlalchemy as sa

from bridge.store.engine import Store

POSTGRES = os.environ.get("BRIDGE_TEST_POSTGRES", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        opened = Store(f"sqlite:///{tmp_path}/queqiao.db")
        opened.migrate()
        yield opened
        opened.close()
        return
    if not POSTGRES:
        pytest.skip("BRIDGE_TEST_POSTGRES names no server; .ci/run starts one")
    schema = f"t{secrets.token_hex(6)}"
    admin = sa.create_engine(POSTGRES)
    with admin.begin() as c:
        c.execute(sa.schema.CreateSchema(schema))
    opened = Store(f"{POSTGRES}?options=-csearch_path%3D{schema}")
    opened.migrate()
    yield opened
    opened.close()
    with admin.begin() as c:
        c.execute(sa.schema.DropSchema(schema, cascade=True))
    admin.dispose()
