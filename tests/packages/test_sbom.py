"""The bill of materials: valid, complete, the same each time, and nothing in it of the machine that wrote it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

import bridge

pytestmark = pytest.mark.timeout(900)  # half a minute on an idle machine

ROOT = Path(__file__).parents[2]
PATHS = re.compile("|".join([re.escape(str(ROOT)), re.escape(tempfile.gettempdir()), "file:"]))


def name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def locked() -> dict[str, str]:
    lines = (ROOT / "release/locked.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


spec = importlib.util.spec_from_file_location("sbom", ROOT / "release/sbom.py")
assert spec is not None
assert spec.loader is not None
sbom = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sbom)


@pytest.fixture(scope="module")
def written(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The file, written twice: the second time the environment lies elsewhere."""
    folder = tmp_path_factory.mktemp("sbom")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        build = [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--wheel",
            "--outdir",
            str(folder),
            str(tree),
        ]
        subprocess.run(build, check=True, capture_output=True)
        sbom.install(folder / "env", next(folder.glob("*.whl")))
        sbom.describe(folder / "env", folder / "one.json")
        (folder / "env").rename(folder / "moved")
        sbom.describe(folder / "moved", folder / "two.json")
    return [(folder / name).read_bytes() for name in ("one.json", "two.json")]


@pytest.fixture(scope="module")
def bill(written: list[bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written[0])
    return found


def test_it_is_valid_and_the_same_each_time(written: list[bytes]) -> None:
    assert written[0] == written[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written[0].decode()) is None
    assert not PATHS.search(written[0].decode())


def test_it_names_each_locked_package_in_its_version_and_the_bridge_itself(bill: dict[str, Any]) -> None:
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("queqiao", bridge.__version__)
    assert (
        root["licenses"][0]["license"]["id"] == "GPL-3.0-or-later"
        if "license" in root["licenses"][0]
        else True
    )
    assert {name(one["name"]): one["version"] for one in bill["components"]} == locked()
    for component in bill["components"]:
        assert component["purl"].startswith(f"pkg:pypi/{name(component['name'])}@{component['version']}")
        assert component.get("licenses"), component["name"]


def test_every_package_is_there_because_another_asked_for_it(bill: dict[str, Any]) -> None:
    asks = {one["ref"]: set(one.get("dependsOn", [])) for one in bill["dependencies"]}
    seen: set[str] = set()
    waiting = [bill["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            waiting.extend(asks.get(ref, ()))
    extra = {one["bom-ref"] for one in bill["components"]} - seen
    assert {ref.split("==")[0] for ref in extra} <= {"psycopg", "psycopg-binary"}


def test_the_locked_versions_are_ones_that_the_project_allows() -> None:
    wanted = [Requirement(text) for text in importlib.metadata.requires("queqiao") or []]
    for one in wanted:
        if one.marker is None:
            assert one.specifier.contains(locked()[name(one.name)]), one
