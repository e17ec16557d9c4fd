"""What works, but should not stay: the advice of ``check-config``. Nothing here keeps the bridge from starting."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.config import Config, DingTalkSource, WeComSource, split_listen
from bridge.config_forms import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config_scan import KeyPath

_URL_PASSWORD: Final = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def warnings_of(config: Config, path: Path) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield (key, reason, cure) for everything worth mending in a usable configuration."""
    yield from _of_server(config)
    yield from _of_database(config)
    if not config.source:
        yield ("source",), "there is no source: nothing can be synchronised", "add a [[source]]"
    apps: dict[tuple[str, str, str], int] = {}
    billed: dict[str, int] = {}
    for index, source in enumerate(config.source):
        key: KeyPath = ("source", index)
        if isinstance(source, WeComSource):
            app = ("wecom", source.corp_id, f"{source.agent_id}/{source.secret}")
            hosts = {"base_url": source.base_url}
        else:
            app = ("dingtalk", source.corp_id, source.client_id)
            hosts = {"base_url": source.base_url, "oapi_base_url": source.oapi_base_url}
            yield from _of_dingtalk(source, key)
            first = billed.setdefault(source.corp_id, index) if source.corp_id else index
            if first != index and app not in apps:
                reason = f"source[{first + 1}] is the same organisation, whose calls are billed together"
                yield (
                    (*key, "monthly_calls"),
                    reason,
                    "let monthly_calls of both add up to what its plan bills",
                )
        if app in apps:
            reason = f"source[{apps[app] + 1}] is the same app at the same vendor"
            yield key, reason, "keep one, or each event is mirrored twice"
        apps.setdefault(app, index)
        if source.sign_in and not config.server.public_url:
            reason = "the vendor sends people who signed in back to public_url, and there is none"
            yield (*key, "sign_in"), reason, "set public_url to what people type"
        for name, host in hosts.items():
            if host.startswith("http://") and not _is_loopback(urlsplit(host).hostname or ""):
                yield (*key, name), "secrets would travel unencrypted", "use https://"
    mode = path.stat().st_mode
    if mode & stat.S_IROTH and _holds_secrets(path):
        reason = "the file holds secrets and everybody on this machine may read it"
        yield (), reason, f"chmod o-r {path}, or move the secrets into files of their own (…_file)"
    if mode & stat.S_IWOTH:
        yield (), "everybody on this machine may change the file", f"chmod o-w {path}"


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
    for name, text in (("listen", host), ("admin_listen", admin_host)):
        if not _is_ours(text):
            reason = f"this machine has no address {text}, so nothing could be served there"
            yield ("server", name), reason, "name one of its own (`ip address` lists them)"
    for network in (ipaddress.ip_network(text, strict=False) for text in server.trusted_proxies):
        if not network.prefixlen:
            reason = f"{network} is everybody: anybody could pretend to come from anywhere"
            yield ("server", "trusted_proxies"), reason, "name the address of the proxy"
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
    return any(
        key.strip() in names or (key.strip() == "url" and _URL_PASSWORD.search(value))
        for key, _, value in (line.partition("=") for line in path.read_text("utf-8-sig").splitlines())
    )


def _is_ours(host: str) -> bool:
    """Return whether a numeric address is one of this machine's; a name counts as ours: asking takes a network."""
    try:
        family = (
            socket.AF_INET6 if ipaddress.ip_address(host.partition("%")[0]).version == 6 else socket.AF_INET
        )
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except ValueError:
        return True
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
