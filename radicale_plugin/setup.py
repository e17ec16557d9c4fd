"""The Radicale configuration that our own application ships with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from radicale import config

from radicale_plugin.auth import TrustedAuth
from radicale_plugin.rights import Rights
from radicale_plugin.storage import storage_with

if TYPE_CHECKING:
    from bridge.engine.api import Service

OCCURRENCES_MAX: Final = 1_000_000
"""Radicale's own bound on events in one report, lifted: it counts whole calendars. We bound occurrences ourselves."""


def shipped(service: Service, *, object_bytes_max: int, body_bytes_max: int) -> Any:
    """Return a Radicale configuration around an open engine: no delays, no sharing, no web pages, no hooks."""
    configuration = config.load(())
    configuration.update(
        {
            "auth": {"type": TrustedAuth, "delay": 0},
            "rights": {
                "type": lambda radicale: Rights(radicale, service),
                "permit_delete_collection": False,
                "permit_overwrite_collection": False,
            },
            "storage": {"type": storage_with(service), "predefined_collections": ""},
            "server": {
                "delay_on_error": 0,
                "validate_path_value": "none",
                "validate_user_value": "none",
                "max_content_length": body_bytes_max * 2,
                "max_resource_size": object_bytes_max,
            },
            "reporting": {"max_expand_occurrence": OCCURRENCES_MAX},
            "sharing": {"type": "none", "collection_by_map": False, "collection_by_token": False},
            "web": {"type": "none"},
            "hook": {"type": "none"},
        },
        "queqiao",
        privileged=True,
    )
    return configuration
