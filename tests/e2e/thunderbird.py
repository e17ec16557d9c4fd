"""A real Thunderbird without a screen, asked over its Marionette socket (length-prefixed JSON, protocol 3).

Scripts run with chrome rights and use Thunderbird's own calendar manager: searching, requests, cache and iTIP are the program's.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import need

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 90
"""A first start makes a profile; CI's machines are slow."""
SCRIPT_MS = 60_000
PREFERENCES: dict[str, object] = {
    "marionette.port": 0,
    "remote.prefs.recommended": False,  # they switch off the saving of passwords
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "browser.shell.checkDefaultClient": False,
    "calendar.timezone.local": "Asia/Shanghai",
    "calendar.timezone.useSystemTimezone": False,
    "calendar.alarms.show": False,
    "calendar.alarms.playsound": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.proxy.type": 0,
    "toolkit.telemetry.enabled": False,
}
PRELUDE = """
const done = arguments[arguments.length - 1];
const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const load = name => ChromeUtils.importESModule(`resource:///modules/${name}.sys.mjs`)[name];

const sleep = ms => new Promise(ready => setTimeout(ready, ms));
(async () => {
"""
CLOSING = """
})().then(value => done({ value }), error => done({ error: `${error}\\n${error?.stack ?? ""}` }));
"""


class Thunderbird:
    """One running program."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SCRIPT_MS / 1000 + 30)
        self._number = 0
        self._receive()
        self._send(
            "WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"unhandledPromptBehavior": "ignore"}}}
        )
        self._send("Marionette:SetContext", {"value": "chrome"})
        self._send("WebDriver:SetTimeouts", {"script": SCRIPT_MS})

    def close(self) -> None:
        self._socket.close()

    def quit(self) -> None:
        self._send("Marionette:Quit", {"flags": ["eForceQuit"]})

    def do(self, script: str, *arguments: object) -> Any:
        """Run the body of an async function; ``arguments`` are its ``args``."""
        text = PRELUDE + "const args = [...arguments_]; " + script + CLOSING
        text = "const arguments_ = Array.from(arguments).slice(0, -1);\n" + text
        answer = self._send(
            "WebDriver:ExecuteAsyncScript", {"script": text, "args": list(arguments), "sandbox": "system"}
        )["value"]
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = self._send("WebDriver:TakeScreenshot", {"full": False, "hash": False})
        path.write_bytes(base64.b64decode(answer["value"]))

    def _send(self, command: str, parameters: dict[str, object]) -> Any:
        self._number += 1
        body = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(body), body))
        _kind, number, error, value = self._receive()
        assert number == self._number
        assert error is None, error
        return value

    def _receive(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self._some(1)
        return json.loads(self._some(int(size[:-1])))

    def _some(self, length: int) -> bytes:
        parts = b""
        while len(parts) < length:
            part = self._socket.recv(length - len(parts))
            assert part, "Thunderbird closed its socket"
            parts += part
        return parts


@contextmanager
def screen() -> Iterator[str]:
    """Yield the name of a display that nobody sees."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        [need("Xvfb", "xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writing)
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        try:
            assert number, "Xvfb did not start"
            yield f":{number}"
        finally:
            server.terminate()


@contextmanager
def thunderbird(folder: Path) -> Iterator[Thunderbird]:
    """Start Thunderbird with a new profile below ``folder``; it ends with the block."""
    program = need("thunderbird")
    profile, home = folder / "profile", folder / "home"
    for made in (profile, home):
        made.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    with ExitStack() as stack:
        display = stack.enter_context(screen())
        log = stack.enter_context((folder / "thunderbird.log").open("wb"))
        process = stack.enter_context(
            subprocess.Popen(
                [
                    program,
                    "--marionette",
                    "--remote-allow-system-access",
                    "--no-remote",
                    "--profile",
                    str(profile),
                ],
                env={**os.environ, "DISPLAY": display, "HOME": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"},
                stdout=log,
                stderr=log,
            )
        )
        stack.callback(process.kill)
        running = Thunderbird(_port(process, profile / "MarionetteActivePort", folder / "thunderbird.log"))
        stack.callback(running.close)
        yield running
        running.quit()
        process.wait(30)


def _port(process: subprocess.Popen[bytes], path: Path, log: Path) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.1)
    raise AssertionError(f"Thunderbird did not start:\n{log.read_text(errors='replace')}")
