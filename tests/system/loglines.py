"""What must never be in a log line: titles, addresses, secrets. Every test of this folder writes through here."""

from __future__ import annotations

import logging

TITLE = "Kanarienvogel"
"""Every title of every event holds this word."""


class Canary(logging.Handler):
    """Reads every line of every logger, whatever its level, and keeps those that tell too much."""

    def __init__(self, words):
        super().__init__(logging.DEBUG)
        self.words = [TITLE, *words]
        self.lines = 0
        self.told = []

    def emit(self, record):
        self.lines += 1
        text = f"{record.getMessage()} {record.__dict__.get('fields', '')} {record.__dict__}"
        if record.exc_info:
            text += logging.Formatter().formatException(record.exc_info)
        for word in self.words:
            if word in text:
                self.told.append((record.name, record.msg, word))

    def __enter__(self):
        self._levels = {name: logging.getLogger(name).level for name in ("", "bridge", "radicale_plugin")}
        for name in self._levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *exc):
        logging.getLogger().removeHandler(self)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
