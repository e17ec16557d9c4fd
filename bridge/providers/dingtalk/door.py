"""DingTalk's sign-in page (reference 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from bridge.errors import NotAllowed, Refused
from bridge.providers.dingtalk.schema import text
from bridge.providers.limiter import Lane, Priority

if TYPE_CHECKING:
    from bridge.config import DingTalkSource
    from bridge.providers.dingtalk.client import Client

CODE_CHARS_MAX: Final = 512
LANE: Final = Lane(priority=Priority.LOOK, patience_s=10.0, who="sign-in")


class Door:
    """Where the browser goes, and who comes back."""

    def __init__(self, source: DingTalkSource) -> None:
        self._source = source

    def address(self, redirect: str, state: str) -> str:
        """Return the page to scan or to type a password at."""
        query = {
            "redirect_uri": redirect,
            "response_type": "code",
            "client_id": self._source.client_id,
            "scope": "openid",
            "state": state,
            "prompt": "consent",
        }
        return f"{self._source.login_url.rstrip('/')}/oauth2/auth?{urlencode(query)}"

    def who(self, client: Client, code: str) -> str:
        """Return the unionId behind a code. Raises the classes of :mod:`bridge.errors`."""
        if not code or len(code) > CODE_CHARS_MAX:
            msg = "DingTalk sent no usable code; sign in again"
            raise Refused(msg)
        user_token = client.user_token(LANE, self._source.client_id, self._source.client_secret, code)
        if not user_token:
            msg = "DingTalk did not say who signed in; sign in again"
            raise NotAllowed(msg)
        return text(client.user_me(LANE, user_token), "unionId")
