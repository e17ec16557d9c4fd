"""Kind of source -> provider. A new vendor is one new line."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.config import Source
    from bridge.providers.base import Provider
    from bridge.providers.runtime import Runtime

FACTORIES: Final = {
    "wecom": "bridge.providers.wecom.provider",
    "dingtalk": "bridge.providers.dingtalk.provider",
}
"""Each module has ``build(source, runtime) -> Provider``; it is imported when a source of its kind is configured."""


def build(source: Source, runtime: Runtime) -> Provider:
    """Return the provider of a configured source; nothing is sent yet.

    Raises KeyError for an unknown kind, which the configuration cannot hold, and ValueError for values that cannot
    work (a base URL without a host, an unknown time zone, a malformed callback key).
    """
    kind = str(source.__struct_config__.tag)
    factory = cast("Callable[[Source, Runtime], Provider]", importlib.import_module(FACTORIES[kind]).build)
    return factory(source, runtime)
