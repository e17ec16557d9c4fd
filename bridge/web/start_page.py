"""The one page without a login: what this is, and which address to type into a calendar program."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Final

from bridge.web.wsgi import Environ, StartResponse, method_of, reply, say

if TYPE_CHECKING:
    from bridge.web.proxy import Proxies

STYLE: Final = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    "code{font-size:1.1em;word-break:break-all;background:#8882;padding:.1em .3em;border-radius:.2em}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
SECURITY: Final = (
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)

_PAGE: Final = """<!DOCTYPE html>
<html lang="zh-Hans">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>鹊桥 · Queqiao</title>
<style>{style}</style>
</head>
<body>
<h1>鹊桥 · Queqiao</h1>
<section lang="zh-Hans">
<h2>连接日历</h2>
<p>在日历程序(Thunderbird、苹果日历、DAVx⁵、Evolution 等)中新建 CalDAV 帐户,填写以下地址:</p>
<p><code>{address}</code></p>
<p>用户名和应用密码由管理员提供;每台设备使用各自的密码。Outlook 请使用管理员提供的 ICS 订阅地址。</p>
</section>
<section lang="en">
<h2>Connect a calendar</h2>
<p>Add a CalDAV account in your calendar program (Thunderbird, Apple Calendar, DAVx⁵, Evolution …) with this
address:</p>
<p><code>{address}</code></p>
<p>Your administrator gives you a user name and an app password, one for each device. For Outlook, use the ICS
address that your administrator gives you.</p>
</section>
</body>
</html>
"""


def page(environ: Environ, start_response: StartResponse, proxies: Proxies) -> list[bytes]:
    """Send the page; it holds no secret and takes no input."""
    if method_of(environ) not in ("GET", "HEAD"):
        return say(environ, start_response, 405, "There is only a page to look at here.", Allow="GET, HEAD")
    address = f"{proxies.public_origin(environ)}{environ['SCRIPT_NAME']}/dav/"
    body = _PAGE.format(style=STYLE, address=escape(address)).encode()
    return reply(environ, start_response, 200, body, SECURITY, content_type="text/html; charset=utf-8")
