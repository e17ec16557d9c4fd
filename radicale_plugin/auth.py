"""Logins: app passwords for a stock Radicale, and what our own middleware decided for our own application."""

from __future__ import annotations

from typing import Any

from radicale.auth import AuthContext, BaseAuth

from bridge.engine.api import Login, Service
from radicale_plugin import context
from radicale_plugin.context import ENVIRON_LOGIN, READ_ONLY_GROUP
from radicale_plugin.storage import service_of


class Auth(BaseAuth):
    """``[auth] type = radicale_plugin``: checks app passwords; never sleeps, never asks a vendor."""

    def __init__(self, configuration: Any, service: Service | None = None) -> None:
        super().__init__(configuration)
        self._service = service_of(configuration) if service is None else service

    def _login_ext_with_groups(self, login: str, password: str, context: AuthContext) -> tuple[str, set[str]]:
        """Return the user ("" if refused) and, for a read-only password, the group that says so."""
        del context
        found = self._service.login(login, password)
        if found is None:
            return "", set()
        return found.user, {READ_ONLY_GROUP} if found.read_only else set()


class TrustedAuth(BaseAuth):
    """Believes the :class:`Login` that stands in the environ, and nothing else."""

    def get_external_login(self, environ: Any) -> tuple[str, str]:
        """Return the authenticated user; an anonymous request has none."""
        login = environ.get(ENVIRON_LOGIN)
        return (login.user, "") if isinstance(login, Login) else ("", "")

    def _login_ext_with_groups(
        self, login: str, password: str, context_: AuthContext
    ) -> tuple[str, set[str]]:
        """Return the user of the current request."""
        del password, context_
        ask = context.current()
        if ask is None or ask.login.user != login:
            return "", set()
        return login, {READ_ONLY_GROUP} if ask.login.read_only else set()
