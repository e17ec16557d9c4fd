"""A CalDAV client that only measures: one kept-alive connection, one request at a time, body read to its end."""

from __future__ import annotations

import base64
import http.client
import re
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 600
"""A cold stock server builds its cache for minutes at 10,000 events."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response and how long it took, in milliseconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    took_ms: float

    @property
    def hrefs(self) -> set[str]:
        """Return the last path segments of all responses in a multistatus that are objects."""
        found = re.findall(rb"<(?:\w+:)?href>([^<]+)</(?:\w+:)?href>", self.body)
        names = (unquote(href.decode()).rstrip("/").rpartition("/")[2] for href in found)
        return {name for name in names if name.endswith(".ics")}

    def text_of(self, tag: str) -> str:
        """Return the text of the first element of a local name."""
        found = re.search(rb"<(?:\w+:)?%s>([^<]*)<" % tag.encode(), self.body)
        return found[1].decode() if found else ""


class Client:
    """One server, one calendar."""

    def __init__(self, name: str, calendar_url: str, user: str, password: str) -> None:
        self.name = name
        parts = urlsplit(calendar_url)
        self.path = parts.path
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "User-Agent": "queqiao-benchmark"}

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def ask(self, method: str, name: str = "", body: str = "", **headers: str) -> Answer:
        """Send one request; header names are written with underscores."""
        sent = dict(self._headers)
        sent.update({key.replace("_", "-"): value for key, value in headers.items()})
        if method in {"PROPFIND", "REPORT"}:
            sent["Content-Type"] = "application/xml; charset=utf-8"
        if method == "PUT":
            sent["Content-Type"] = "text/calendar; charset=utf-8"
        data = body.encode()
        began = time.perf_counter()
        self._connection.request(method, self.path + name, data or None, sent)
        response = self._connection.getresponse()
        content = response.read()
        took_ms = (time.perf_counter() - began) * 1000
        found = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, found, content, took_ms)
