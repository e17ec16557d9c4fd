"""What is at home: the database and its schema, the disk, the daemon, and the way from outside to it."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa
import sqlalchemy.exc

from bridge.config import DingTalkSource, WeComSource, kind_of, split_listen
from bridge.daemon.doctor.finding import Finding, bad, good, skipped
from bridge.daemon.doctor.network import CONNECT_S, connect, goes_through_a_proxy, lookup
from bridge.daemon.figures import disk_free_bytes
from bridge.daemon.health import DISK_LOW_BYTES
from bridge.model.cures_checks import CALLBACKS, CHECKS
from bridge.providers.dingtalk import push as dingtalk
from bridge.providers.wecom import push as wecom
from bridge.store.engine import SchemaError, Store

if TYPE_CHECKING:
    from bridge.config import Config, Source

POSTGRES_MIN: Final = 140_000
"""``server_version_num`` of the oldest PostgreSQL that is supported."""


def database(config: Config) -> Finding:
    """Look whether the database answers, with this version's schema; changes nothing, makes nothing."""
    url = sa.make_url(config.database.url)
    is_sqlite = url.get_backend_name() == "sqlite"
    kind = "SQLite" if is_sqlite else "PostgreSQL"
    path = Path(url.database or "")
    try:
        if is_sqlite and not path.exists():
            return skipped(
                "database",
                f"there is no file {path} yet; `serve` and `user add` make it",
                facts={"kind": kind},
            )
        if is_sqlite and not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
            return bad("database", f"this user may not write {path} and its folder", facts={"kind": kind})
        store = Store(config.database.url)
    except OSError as error:
        return bad("database", f"{path}: {error.strerror}", facts={"kind": kind})
    try:
        if store.is_empty():
            return skipped("database", f"{kind} answers and is still empty", facts={"kind": kind})
        if store.needs_migration():
            return bad("schema", f"{kind} answers, but has an older schema", facts={"kind": kind})
        with store.read() as c:
            old = (
                not is_sqlite
                and int(c.exec_driver_sql("SHOW server_version_num").scalar_one()) < POSTGRES_MIN
            )
            schema = str(c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
    except SchemaError:
        return bad(
            "schema",
            f"{kind} has a schema newer than this version",
            cure=CHECKS["schema_newer"],
            facts={"kind": kind},
        )
    except sqlalchemy.exc.SQLAlchemyError as error:
        return bad("database", f"{kind} does not answer ({type(error).__name__})", facts={"kind": kind})
    finally:
        store.close()
    if old:
        return bad("database", "PostgreSQL is older than version 14", facts={"kind": kind})
    return good("database", f"{kind} answers, schema {schema}", facts={"kind": kind, "schema": schema})


def disk(config: Config) -> Finding:
    """Look at the room for a SQLite file."""
    free = disk_free_bytes(sa.make_url(config.database.url))
    if free is None:
        return skipped(
            "disk", "the database is not on a disk of this machine, or its folder does not exist yet"
        )
    says = f"{free // 1_000_000} MB are free"
    return (bad if free < DISK_LOW_BYTES else good)("disk", says, facts={"free_bytes": free})


def daemon(config: Config) -> tuple[list[Finding], bool]:
    """Ask the daemon how it is; also returns whether one runs. Where none does, its addresses should be free."""
    host, port = split_listen(config.server.admin_listen)
    at = f"http://{_typed(host)}:{port}"
    try:
        with httpx.Client(timeout=CONNECT_S, trust_env=False) as client:
            answer = client.get(f"{at}/readyz")
        told: Any = answer.json()
        reasons = [str(one.get("reason", "")) for one in told["reasons"]]
        if told["ready"]:
            return [
                good("daemon", f"the daemon is {told['state']}", facts={"state": str(told["state"])[:20]})
            ], True
        return [
            bad("daemon", f"the daemon is not ready: {'; '.join(reasons)}", facts={"state": "down"})
        ], True
    except (httpx.HTTPError, json.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    found = [skipped("daemon", "no daemon answers; `queqiao serve` starts one", facts={"running": False})]
    found += [
        bad("port", f"{name} {text} is taken by another program")
        for name, text in (("listen", config.server.listen), ("admin_listen", config.server.admin_listen))
        if _is_taken(text)
    ]
    return found, False


def public(config: Config, *, running: bool) -> list[Finding]:
    """Go the way that clients go: public_url, its name, TLS, the proxy, the daemon."""
    if not config.server.public_url:
        return [skipped("public", "public_url is not set; clients of this machine use the listen address")]
    parts = urlsplit(config.server.public_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = [lookup(host, port)]
    if found[0].ok:
        found.append(connect(host, port, tls=parts.scheme == "https", own=True))
    if any(one.ok is False for one in found):
        return found
    if not running:
        return [*found, skipped("public", "whether requests arrive shows when the daemon runs")]
    try:
        with _outside(config) as client:
            answer = client.get(f"{config.server.public_url}/.well-known/caldav")
    except httpx.HTTPError as error:
        return [*found, bad("public", f"public_url does not answer ({type(error).__name__})")]
    wanted = f"{parts.path}/dav/"
    to = urlsplit(answer.headers.get("location", "")).path
    if "x-request-id" not in answer.headers:
        says = f"public_url answers HTTP {answer.status_code}, but it is not the bridge that answers"
        return [*found, bad("public", says, facts={"status": answer.status_code})]
    if answer.status_code != 301 or to != wanted:
        says = f"/.well-known/caldav leads to {to[:80]!r} instead of {wanted!r}: the prefix of public_url does not fit"
        return [*found, bad("public", says, facts={"status": answer.status_code})]
    return [*found, good("public", "requests to public_url arrive at the bridge")]


def callback(config: Config, source: Source, *, running: bool) -> Finding | None:
    """Call the source's callback as the vendor would to check it, from here; None: it has none."""
    if not source.callback_token or (isinstance(source, DingTalkSource) and source.push != "http"):
        return None
    if not config.server.public_url:
        says = "a callback is configured, but public_url is not: the vendor has no address to call"
        return bad("callback", says, source.id, cure=CALLBACKS[kind_of(source)])
    if not running:
        return skipped("callback", "whether callbacks arrive shows when the daemon runs", source.id)
    url = f"{config.server.public_url}/hook/{source.id}"
    try:
        with _outside(config) as client:
            status, right = _called(client, source, url)
    except httpx.HTTPError as error:
        says = f"the callback address does not answer ({type(error).__name__})"
        return bad("callback", says, source.id, cure=CALLBACKS[kind_of(source)])
    if not right:
        says = f"the callback address answers HTTP {status}, and not what the vendor expects"
        return bad("callback", says, source.id, cure=CALLBACKS[kind_of(source)], facts={"status": status})
    says = "the callback address gives the answer that the vendor expects (asked from this machine)"
    return good("callback", says, source.id)


def _called(client: httpx.Client, source: Source, url: str) -> tuple[int, bool]:
    """Play the vendor's check of an address; returns the status, and whether the answer is right."""
    if isinstance(source, WeComSource):
        box = wecom.Callbacks(
            token=source.callback_token, aes_key=source.callback_aes_key, receive_id=source.corp_id
        )
        query, wanted = box.probe(now_s=time.time(), random=os.urandom(24))
        answer = client.get(url, params=query)
        return answer.status_code, answer.status_code == 200 and answer.content == wanted
    owners = [source.client_id, source.corp_id]
    ding = dingtalk.Callbacks(token=source.callback_token, aes_key=source.callback_aes_key, owner_keys=owners)
    sealed = ding.encrypted(
        json.dumps({"EventType": dingtalk.CHECK_URL}),
        str(int(time.time() * 1000)),
        os.urandom(8).hex(),
        os.urandom(16),
    )
    query = {
        "msg_signature": sealed["msg_signature"],
        "timestamp": sealed["timeStamp"],
        "nonce": sealed["nonce"],
    }
    answer = client.post(url, params=query, json={"encrypt": sealed["encrypt"]})
    try:
        right = ding.decrypt(str(answer.json()["encrypt"])) == dingtalk.SUCCESS.encode()
    except Exception:  # noqa: BLE001  - whatever is wrong with it, it is not the right answer
        right = False
    return answer.status_code, answer.status_code == 200 and right


def _outside(config: Config) -> httpx.Client:
    """Return a client that goes as others would, without following redirects."""
    parts = urlsplit(config.server.public_url)
    return httpx.Client(timeout=CONNECT_S, trust_env=goes_through_a_proxy(parts.scheme, parts.hostname or ""))


def _typed(host: str) -> str:
    """Return an address that can be asked, for one that is listened on."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  - nothing is bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _is_taken(listen: str) -> bool:
    """Return whether somebody listens on an address of ours."""
    host, port = split_listen(listen)
    if not port:
        return False
    try:
        with socket.create_connection((_typed(host).strip("[]"), port), CONNECT_S):
            return True
    except OSError:
        return False
