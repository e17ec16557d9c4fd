"""Real proxies in front of the real daemon, below a path, with the very snippets of docs/proxies."""

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import caldav
import httpx
import pytest
from harness import Bridge, Client, config_text, event, free_port, until
from programs import need

SNIPPETS = Path(__file__).parents[2] / "docs" / "proxies"
PREFIX = "/calendar"


@contextmanager
def serving(command, port, log):
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                assert process.poll() is None, log.read_text()
                try:
                    httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(10)


def snippet(name, backend):
    text = (SNIPPETS / name).read_text()
    assert text.count("127.0.0.1:5232") == 1
    return text.replace("127.0.0.1:5232", backend)


def nginx(folder, port, backend):
    path = folder / "nginx.conf"
    for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
        (folder / name).mkdir()
    kept = "\n".join(
        f"{kind}_temp_path {folder}/{name};"
        for kind, name in (("client_body", "body"), ("proxy", "proxy"), ("fastcgi", "fastcgi"), ("uwsgi", "uwsgi"),
                           ("scgi", "scgi"))
    )  # fmt: skip
    path.write_text(
        f"""daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{ access_log off; {kept}
server {{ listen 127.0.0.1:{port};
{snippet("nginx.conf", backend)}
}} }}"""
    )
    return [need("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(path)]


def haproxy(folder, port, backend):
    path = folder / "haproxy.cfg"
    text = snippet("haproxy.cfg", backend)
    bind = "bind :443 ssl crt /etc/haproxy/cal.example.com.pem"
    assert text.count(bind) == 1
    path.write_text(text.replace(bind, f"bind 127.0.0.1:{port}"))
    return [need("haproxy"), "-db", "-f", str(path)]


APACHE_MODULES = ("mpm_event", "authz_core", "alias", "headers", "proxy", "proxy_http")


def apache(folder, port, backend):
    path = folder / "apache.conf"
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in APACHE_MODULES
    )
    text = snippet("apache.conf", backend)
    proto = 'RequestHeader set X-Forwarded-Proto "https"'
    assert text.count(proto) == 1
    text = text.replace(proto, proto.replace("https", "http"))  # no TLS here
    path.write_text(
        f"""{modules}
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
{text}
</VirtualHost>
"""
    )
    return [need("apache2"), "-D", "FOREGROUND", "-f", str(path)]


@pytest.fixture(params=[nginx, haproxy, apache], ids=["nginx", "haproxy", "apache"])
def proxied(request, stack, vendors, tmp_path):
    port, folder = free_port(), tmp_path / "proxy"
    folder.mkdir()
    public = f"http://127.0.0.1:{port}{PREFIX}"
    text = config_text(tmp_path, *vendors).replace(
        "[database]", f'public_url = "{public}"\ntrusted_proxies = ["127.0.0.1"]\n[database]'
    )
    backend = f"127.0.0.1:{free_port()}"
    bridge = Bridge(tmp_path, text.replace('listen = "127.0.0.1:0"', f'listen = "{backend}"', 1))
    stack.callback(bridge.stop)
    links = ("--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
    password = bridge.json("user", "add", "alice", "--email", "alice@example.com", *links)["password"]
    bridge.start()
    stack.enter_context(serving(request.param(folder, port, backend), port, folder / "log"))
    alice = Client(public, "alice", password)
    stack.callback(alice.close)
    return public, alice, vendors, bridge


def test_below_a_path_everything_keeps_its_prefix(proxied):
    public, alice, vendors, _bridge = proxied
    host = public.removesuffix(PREFIX)
    calendars = until(lambda: len(found := alice.calendars(f"{PREFIX}/dav")) == 2 and found)
    assert all(path.startswith(f"{PREFIX}/dav/alice/") for path in calendars)
    calendar = next(path for path in calendars if "dingtalk" in path)

    # From the host's well-known address, as clients search.
    answer = httpx.get(f"{host}/.well-known/caldav")
    assert answer.status_code == 301
    assert urlsplit(answer.headers["location"]).path == f"{PREFIX}/dav/"
    with caldav.DAVClient(url=f"{public}/dav/", username="alice", password=alice.password) as client:
        assert sorted(urlsplit(str(one.url)).path for one in client.principal().calendars()) == sorted(
            calendars
        )

    # An edit, its report, its move and its end; odd characters of a name arrive as they were sent.
    path = f"{calendar}one%20%C3%A9.ics"
    assert alice.put(path, event("proxied-1")).status_code == 201
    assert any(not one["cancelled"] for one in vendors[1].control("state")["events"])
    _token, changed = alice.sync(calendar)
    assert list(changed) == [path]
    moved = alice.request("MOVE", path, None, {"Destination": f"{host}{calendar}two.ics"})
    assert moved.status_code in (201, 204), moved.text
    assert alice.get(f"{calendar}two.ics").status_code == 200
    assert alice.delete(f"{calendar}two.ics").status_code in (200, 204)

    # Pages and their links.
    page = httpx.get(f"{public}/", follow_redirects=True, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert urlsplit(str(page.url)).path.startswith(f"{PREFIX}/")


def test_what_a_client_claims_about_itself_is_overwritten(proxied):
    public, alice, _vendors, bridge = proxied
    lies = {"X-Forwarded-For": "203.0.113.66", "X-Script-Name": "/evil", "X-Forwarded-Host": "evil.example",
            "X-Remote-User": "bob"}  # fmt: skip
    answer = alice.request("PROPFIND", f"{PREFIX}/dav/alice/", None, {"Depth": "1", **lies})
    assert answer.status_code == 207
    assert "evil" not in answer.text
    assert f"{PREFIX}/dav/alice/" in answer.text
    assert httpx.get(f"{public}/dav/alice/", headers=lies).status_code == 401
    assert "203.0.113.66" not in bridge.log
