"""What works, but should not stay: the advice of ``check-config``. Nothing here keeps the bridge from starting."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.config import Config, DingTalkSource, WeComSource, split_listen
from bridge.config_forms import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config_scan import KeyPath


def warnings_of(config: Config, path: Path) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield (key, reason, cure) for everything worth mending in a usable configuration."""
    yield from _of_server(config)
    yield from _of_database(config)
    if not config.source:
        yield ("source",), "there is no source: nothing can be synchronised", "add a [[source]]"
    apps: dict[tuple[str, str, str], int] = {}
    for index, source in enumerate(config.source):
        key: KeyPath = ("source", index)
        if isinstance(source, WeComSource):
            app = ("wecom", source.corp_id, f"{source.agent_id}/{source.secret}")
            hosts = {"base_url": source.base_url}
        else:
            app = ("dingtalk", source.corp_id, source.client_id)
            hosts = {"base_url": source.base_url, "oapi_base_url": source.oapi_base_url}
            yield from _of_dingtalk(source, key)
        if app in apps:
            reason = f"source[{apps[app] + 1}] is the same app at the same vendor"
            yield key, reason, "keep one, or each event is mirrored twice"
        apps.setdefault(app, index)
        for name, host in hosts.items():
            if host.startswith("http://") and not _is_loopback(urlsplit(host).hostname or ""):
                yield (*key, name), "secrets would travel unencrypted", "use https://"
    if path.stat().st_mode & stat.S_IROTH and _holds_secrets(path):
        reason = "the file holds secrets and everybody on this machine may read it"
        yield (), reason, f"chmod o-r {path}, or move the secrets into files of their own (…_file)"


def _of_server(config: Config) -> Iterator[tuple[KeyPath, str, str]]:
    """Look at addresses."""
    server = config.server
    host, _ = split_listen(server.listen)
    admin_host, _ = split_listen(server.admin_listen)
    if host in {"0.0.0.0", "::"} and not server.public_url:  # noqa: S104  - compared, not bound
        reason = "listen is a wildcard, so links would point at 127.0.0.1"
        yield ("server", "listen"), reason, "set public_url to what clients type"
    if not _is_loopback(admin_host):
        reason = "metrics and states can be read by everybody who reaches this address"
        yield ("server", "admin_listen"), reason, "listen on 127.0.0.1, or guard it with a firewall"
    public = urlsplit(server.public_url)
    if public.scheme == "http" and not _is_loopback(public.hostname or ""):
        reason = "passwords would travel unencrypted, and Apple's clients refuse to send them"
        yield ("server", "public_url"), reason, "put a proxy with TLS in front and write https://"
    if not server.public_url and not _is_loopback(host):
        reason = "the bridge speaks no TLS itself; passwords would travel unencrypted"
        yield ("server", "listen"), reason, "listen on 127.0.0.1 behind a proxy with TLS, and set public_url"


def _of_database(config: Config) -> Iterator[tuple[KeyPath, str, str]]:
    """Look at the folder of a SQLite file."""
    scheme, _, rest = config.database.url.partition(":///")
    if scheme != "sqlite":
        return
    folder = Path(rest.partition("?")[0]).parent
    if not is_there(folder):
        reason = f"the folder {folder} does not exist"
        yield ("database", "url"), reason, "make it and give it to the bridge's user"


def _of_dingtalk(source: DingTalkSource, key: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Look at push."""
    if source.push != "http" and source.callback_token:
        reason = f'a callback is configured, but push is "{source.push}"'
        yield (*key, "push"), reason, 'write push = "http", or remove the callback'
    if source.push == "off":
        reason = "changes made in DingTalk are only seen at the next poll, and polls are billed"
        yield (*key, "push"), reason, 'write push = "stream"; it needs no public address'


def _holds_secrets(path: Path) -> bool:
    """Return whether a configuration file names a secret itself rather than a file with one."""
    names = ("secret", "client_secret", "callback_token", "callback_aes_key")
    text = path.read_text("utf-8-sig")
    return any(line.partition("=")[0].strip() in names for line in text.splitlines())


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
