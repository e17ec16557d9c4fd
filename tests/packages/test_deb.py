"""The Debian package's parts that need no chroot: units, maintainer scripts, versions, the first configuration."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from processes import run
from programs import need

ROOT = Path(__file__).parents[2]
DEB = ROOT / "release/deb"
UNITS = sorted(path for path in (ROOT / "systemd").iterdir())

spec = importlib.util.spec_from_file_location("deb_build", DEB / "build.py")
assert spec is not None
assert spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_the_package_s_command_as_the_package_s_user(unit: Path) -> None:
    text = build.unit_text(unit.read_text(encoding="utf-8"))
    assert text.startswith("[Unit]\n")
    assert "DynamicUser" not in text
    assert "/opt/" not in text
    if unit.suffix == ".service":
        assert "/usr/bin/queqiao --config /etc/queqiao/" in text
        assert "\nUser=queqiao\nGroup=queqiao\n" in text
        for implied in (
            "ProtectSystem=strict",
            "ProtectHome=",
            "PrivateTmp=yes",
            "NoNewPrivileges=yes",
            "RemoveIPC=yes",
        ):
            assert implied in text, "DynamicUser= implied it"


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda path: path.name
)
def test_without_a_dynamic_user_the_sandbox_is_as_tight(unit: Path, tmp_path: Path) -> None:
    changed = tmp_path / unit.name
    changed.write_text(build.unit_text(unit.read_text(encoding="utf-8")))
    done = subprocess.run(
        [need("systemd-analyze", "systemd"), "security", "--offline=true", str(changed)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 2.0


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_a_maintainer_script_parses_and_stops_at_an_error(name: str) -> None:
    text = (DEB / name).read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    assert subprocess.run(["sh", "-n", str(DEB / name)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("python", "debian"),
    [
        ("1.2.3", "1.2.3-1"),
        ("1.2.0rc1", "1.2.0~rc1-1"),
        ("1.2.0.dev4", "1.2.0~dev4-1"),
        ("1.0b2", "1.0~b2-1"),
    ],
)
def test_dpkg_sorts_a_candidate_before_its_release(tmp_path: Path, python: str, debian: str) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x.dist-info/METADATA", f"Metadata-Version: 2.4\nName: x\nVersion: {python}\n")
    assert build.debian_version(wheel) == debian
    release = re.split("rc|b|.dev", python)[0] + "-1"
    if release != debian:
        dpkg = need("dpkg")
        assert (
            subprocess.run([dpkg, "--compare-versions", debian, "lt", release], check=False).returncode == 0
        )


def test_the_first_configuration_says_what_is_missing_and_loads_when_it_is_filled_in(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = (DEB / "config.toml").read_text(encoding="utf-8")
    config.write_text(text)
    config.chmod(0o600)
    done = run("--config", str(config), "check-config")
    assert done.returncode == 0, done
    assert "add a [[source]]" in done.stdout + done.stderr
    config.write_text(re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.MULTILINE))
    for name in ("wecom-secret", "dingtalk-secret"):
        (tmp_path / name).write_text("secret\n")
        (tmp_path / name).chmod(0o600)
    done = run("--config", str(config), "check-config")
    assert done.returncode == 0, done
