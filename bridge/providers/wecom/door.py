"""WeCom's sign-in pages (reference 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bridge.errors import Refused
from bridge.providers.wecom.schema import as_text

if TYPE_CHECKING:
    from bridge.config import WeComSource
    from bridge.providers.wecom.client import Client

CODE_BYTES_MAX = 512
"""Longest code (reference 12)."""


class Door:
    """Where the browser goes, and who comes back."""

    def __init__(self, source: WeComSource) -> None:
        self._source = source

    def address(self, redirect: str, state: str, *, inside: bool) -> str:
        """Return the page to scan in a browser, or the silent one inside WeCom's app."""
        source = self._source
        if inside:
            query = {
                "appid": source.corp_id,
                "redirect_uri": redirect,
                "response_type": "code",
                "scope": "snsapi_base",
                "state": state,
                "agentid": source.agent_id,
            }
            return (
                f"{source.open_url.rstrip('/')}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"
            )
        query = {
            "login_type": "CorpApp",
            "appid": source.corp_id,
            "agentid": source.agent_id,
            "redirect_uri": redirect,
            "state": state,
        }
        return f"{source.login_url.rstrip('/')}/wwlogin/sso/login?{urlencode(query)}"

    @staticmethod
    def who(client: Client, code: str) -> str:
        """Return the userid behind a code; "" for an outsider. Raises the classes of :mod:`bridge.errors`."""
        if not code or len(code.encode()) > CODE_BYTES_MAX:
            msg = "WeCom sent no usable code; sign in again"
            raise Refused(msg)
        answer = client.login_user(code)
        return as_text(answer.get("userid")) or as_text(answer.get("UserId"))
