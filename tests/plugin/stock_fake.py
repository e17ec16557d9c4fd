"""Plugins for an unmodified Radicale, over the fake engine: what ``compose.open_service`` gives, without a vendor."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from davkit import two_users

import radicale_plugin

SERVICE = two_users()


class Storage(radicale_plugin.Storage):
    def __init__(self, configuration):
        super().__init__(configuration, SERVICE)


class Auth(radicale_plugin.Auth):
    def __init__(self, configuration):
        super().__init__(configuration, SERVICE)


class Rights(radicale_plugin.Rights):
    def __init__(self, configuration):
        super().__init__(configuration, SERVICE)
