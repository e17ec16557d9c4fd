"""Whom to believe about a request."""

import pytest

from bridge.web.proxy import FORGEABLE, Proxies


def cleaned(trusted=(), public_url="", **environ):
    made = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "HTTP_HOST": "inside:5232", "SERVER_NAME": "inside",
            "SERVER_PORT": "5232", **environ}  # fmt: skip
    proxies = Proxies(trusted, public_url)
    proxies.clean(made)
    assert not set(FORGEABLE) & set(made)
    return proxies, made


SAID = {
    "HTTP_X_FORWARDED_FOR": "198.51.100.7",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "cal.example.com",
    "HTTP_X_SCRIPT_NAME": "/cal",
    "HTTP_X_REMOTE_USER": "root",
    "REMOTE_USER": "root",
}


def test_nothing_is_believed_of_a_stranger():
    proxies, environ = cleaned(**SAID)
    assert (environ["REMOTE_ADDR"], environ["SCRIPT_NAME"]) == ("10.0.0.1", "")
    assert proxies.public_origin(environ) == "http://inside:5232"


@pytest.mark.parametrize("trusted", [("10.0.0.1",), ("10.0.0.0/8",), ("192.0.2.1", "10.0.0.0/24")])
def test_a_trusted_proxy_is_believed(trusted):
    proxies, environ = cleaned(trusted, **SAID)
    assert (environ["REMOTE_ADDR"], environ["SCRIPT_NAME"]) == ("198.51.100.7", "/cal")
    assert proxies.public_origin(environ) == "https://cal.example.com"


def test_an_ipv4_proxy_on_an_ipv6_listener_is_the_same_one():
    _, environ = cleaned(("10.0.0.0/8",), **{**SAID, "REMOTE_ADDR": "::ffff:10.0.0.1"})
    assert environ["REMOTE_ADDR"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what the client wrote in front is not believed
        ("203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),  # two proxies of ours
        ("198.51.100.7:4711", "198.51.100.7"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("198.51.100.7, unknown", "10.0.0.1"),
        (", ,", "10.0.0.1"),
        (",".join(["203.0.113.9"] * 1000), "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_ours(chain, address):
    _, environ = cleaned(("10.0.0.0/8",), HTTP_X_FORWARDED_FOR=chain)
    assert environ["REMOTE_ADDR"] == address


@pytest.mark.parametrize(
    "host", ["a b", "x/../y", "evil.com\r\nX: y", "a" * 300, "<script>", "user@host", ""]
)
def test_a_host_that_is_none_is_not_taken(host):
    proxies, environ = cleaned(("10.0.0.0/8",), HTTP_X_FORWARDED_HOST=host)
    assert proxies.public_origin(environ) == "http://inside:5232"
    _, environ = cleaned(HTTP_HOST=host)
    assert Proxies((), "").public_origin(environ) == "http://inside:5232"


@pytest.mark.parametrize("prefix", ["cal", "//evil.com", "/a b", "/x?y", "https://evil", "/"])
def test_a_prefix_that_is_none_is_not_taken(prefix):
    _, environ = cleaned(("10.0.0.0/8",), public_url="https://x/own", HTTP_X_SCRIPT_NAME=prefix)
    assert environ["SCRIPT_NAME"] == "/own"


def test_the_public_url_outweighs_what_the_request_was_sent_to():
    proxies, environ = cleaned(public_url="https://cal.example.com:8443/a/b")
    assert proxies.public_origin(environ) == "https://cal.example.com:8443"
    assert environ["SCRIPT_NAME"] == "/a/b"
