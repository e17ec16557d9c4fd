"""Radicale's plugins over the bridge's engine: ``[storage] type = radicale_plugin``, and auth and rights alike."""

from radicale_plugin.auth import Auth
from radicale_plugin.rights import Rights
from radicale_plugin.storage import Storage

__all__ = ["Auth", "Rights", "Storage"]
