"""The Containerfile, read as a builder reads it: no root, nothing fetched beside pip, nothing that needs a writable root."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KNOWN = {
    *("ARG", "FROM", "COPY", "RUN", "LABEL", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE"),
    *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}


def read(text: str) -> list[tuple[str, str]]:
    """Return instruction and words, with continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in joined.splitlines()]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    return read((ROOT / "release/Containerfile").read_text(encoding="utf-8"))


def last(steps: list[tuple[str, str]], word: str) -> str:
    return [words for name, words in steps if name == word][-1]


def command(steps: list[tuple[str, str]], word: str) -> list[str]:
    """Return a command in the form that no shell stands in front of, so that signals arrive."""
    found = json.loads(last(steps, word)[last(steps, word).index("[") :])
    assert isinstance(found, list)
    return found


def test_every_instruction_is_one_that_we_know(steps: list[tuple[str, str]]) -> None:
    assert {
        name for name, _ in steps
    } <= KNOWN  # no ADD, which fetches and unpacks; no ONBUILD, SHELL, MAINTAINER


def test_both_stages_stand_on_one_named_image_that_a_release_can_pin(steps: list[tuple[str, str]]) -> None:
    assert steps[0][0] == "ARG"
    name, image = steps[0][1].split("=")
    assert {words.split()[0] for step, words in steps if step == "FROM"} == {f"${{{name}}}"}
    tag = image.rsplit(":", 1)[1]
    assert tag != "latest"
    assert re.fullmatch(r"3\.\d+-slim-\w+", tag)


def test_it_runs_without_root_and_keeps_data_in_one_volume(steps: list[tuple[str, str]]) -> None:
    user, group = last(steps, "USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    after_user = [name for name, _ in steps[[name for name, _ in steps].index("USER") :]]
    assert "RUN" not in after_user
    assert "COPY" not in after_user
    assert json.loads(last(steps, "VOLUME")) == ["/var/lib/queqiao"] == [last(steps, "WORKDIR")]
    made = [words for name, words in steps if name == "RUN"][-1]
    assert f"-o {user} -g {group} -m 0700 /var/lib/queqiao" in made
    assert "PYTHONDONTWRITEBYTECODE=1" in last(steps, "ENV")


def test_signals_reach_the_bridge(steps: list[tuple[str, str]]) -> None:
    assert command(steps, "ENTRYPOINT") == ["/opt/queqiao/bin/queqiao"]
    assert command(steps, "CMD") == ["serve"]
    assert last(steps, "STOPSIGNAL") == "SIGTERM"


def test_nothing_secret_and_nothing_unlocked_gets_in(steps: list[tuple[str, str]]) -> None:
    told = " ".join(words for name, words in steps if name in {"ARG", "ENV", "LABEL"})
    assert not re.search(r"secret|password|token|key", told, re.IGNORECASE)
    fetched = [words for name, words in steps if name == "RUN"]
    assert not re.search(r"curl|wget|git clone|apt-get|apk ", " ".join(fetched))
    installs = [words for words in fetched if "pip" in words]
    assert len(installs) == 1
    for option in (
        "--constraint /build/locked.txt",
        "--only-binary :all:",
        "--no-cache-dir",
        "--without-pip",
    ):
        assert option in installs[0]


def test_the_context_lets_in_what_is_copied_and_nothing_else(steps: list[tuple[str, str]]) -> None:
    copied = [words.split()[:-1] for name, words in steps if name == "COPY" and "--from" not in words]
    wanted = {name for names in copied for name in names}
    ignore = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[0] == "*"
    assert {line.removeprefix("!") for line in ignore[1:]} == wanted
    assert (ROOT / "release/locked.txt").is_file()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_follows_readyz(steps: list[tuple[str, str]], status: int, code: int) -> None:
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    words = command(steps, "HEALTHCHECK")
    assert words[:2] == ["python", "-c"]
    with http.server.HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        code_of = words[2].replace("127.0.0.1:5233", f"127.0.0.1:{server.server_port}")
        assert code_of != words[2]
        done = subprocess.run([sys.executable, "-c", code_of], capture_output=True, check=False)
    assert done.returncode == code, done.stderr
