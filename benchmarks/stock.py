"""Stock Radicale: multifilesystem under waitress, without its delays, seeded by writing files.

`python -m benchmarks.stock FOLDER` serves FOLDER on a free loopback port and prints the port.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.events import Sample

USER = "bench"
THREADS = 8


def write_calendar(folder: Path, name: str, samples: Sequence[Sample]) -> None:
    """Lay out one calendar as multifilesystem keeps it."""
    home = folder / "collection-root" / USER / name
    home.mkdir(parents=True)
    props = {"tag": "VCALENDAR", "D:displayname": name, "C:supported-calendar-component-set": "VEVENT"}
    (home / ".Radicale.props").write_text(json.dumps(props))
    for sample in samples:
        (home / sample.href).write_bytes(sample.text.encode())


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run the server as a process of its own; yields ``http://127.0.0.1:PORT``."""
    command = [sys.executable, "-m", "benchmarks.stock", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def main(folder: str) -> None:
    """Serve until terminated."""
    from radicale import config
    from radicale.app import Application
    from waitress.server import create_server

    configuration = config.load()
    configuration.update(
        {
            "auth": {"type": "none", "delay": "0"},
            "rights": {"type": "owner_only"},
            "storage": {"type": "multifilesystem", "filesystem_folder": folder},
            "server": {"delay_on_error": "0"},
            "reporting": {"max_expand_occurrence": "1000000", "max_freebusy_occurrence": "1000000"},
            "web": {"type": "none"},
            "logging": {"level": "warning"},
        },
        "benchmark",
        privileged=True,
    )
    server = create_server(Application(configuration), host="127.0.0.1", port=0, threads=THREADS)
    print(server.effective_port, flush=True)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
