"""Make the Debian package: the wheel and all that it needs in an environment of its own under /usr/lib/queqiao.

usage: python release/deb/build.py WHEEL [--out DIR] [--python /usr/bin/python3] [--version 0.1.0-1]

The environment uses the Python of the distribution that it is built on, and the package says so in its Depends. Versions of
what is inside come from release/locked.txt. SOURCE_DATE_EPOCH gives the time of every file.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
HOME: Final = "usr/lib/queqiao"
"""Where the environment lies, from the root of the system."""
BY_HAND: Final = "/opt/queqiao/bin/queqiao"
"""Where the units of the repository look for the command."""
COMMAND: Final = "/usr/bin/queqiao"
LATEST_EPOCH: Final = 1_760_000_000
"""Seconds since 1970 of every file, when SOURCE_DATE_EPOCH does not tell: a past moment, the same in every build."""
KEPT_IN_BIN: Final = {"python", "queqiao"}


def main() -> None:
    """Build one package and print its path."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--python", default="/usr/bin/python3", help="an interpreter of the distribution")
    parser.add_argument("--version", help="of the package; by default the wheel's, with -1")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    print(package(given.wheel.resolve(), given.out, given.python, given.version))


def package(wheel: Path, out: Path, python: str, version: str | None = None) -> Path:
    """Return the path of the package made from a wheel.

    Raises subprocess.CalledProcessError when pip, the interpreter or dpkg-deb cannot do its part.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "stage"
        minor = environment(stage / HOME, wheel, python)
        files(stage)
        compiled(stage, python)
        told = control(stage, version or debian_version(wheel), minor)
        name = f"queqiao_{told['Version']}_{told['Architecture']}.deb"
        settle(stage)
        run("dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", str(stage), str(out / name))
    return out / name


def run(*words: str, **more: str) -> str:
    """Return what a program printed; every build sees the same locale, zone and hash seed."""
    fixed = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch())}
    return subprocess.run(
        words, env=os.environ | fixed | more, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def epoch() -> int:
    """Return the time of every file, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", LATEST_EPOCH))


def debian_version(wheel: Path) -> str:
    """Return the version as dpkg sorts it: a release candidate comes before its release."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        version = HeaderParser().parsestr(archive.read(name).decode())["Version"]
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version) + "-1"


def environment(home: Path, wheel: Path, python: str) -> str:
    """Install the wheel into an environment that knows nothing of this machine; return Python's version, as 3.11."""
    minor, real = run(
        python,
        "-c",
        "import sys, os; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))",
    ).split()
    run(python, "-m", "venv", "--without-pip", "--symlinks", str(home))
    constraint = str(ROOT / "release/locked.txt")
    run(
        *(sys.executable, "-m", "pip", "--python", str(home / "bin/python"), "install", "--quiet"),
        *("--no-compile", "--only-binary", ":all:", "--constraint", constraint, f"{wheel}[postgres]"),
    )
    for path in (home / "bin").iterdir():
        if path.name not in KEPT_IN_BIN:
            path.unlink()
    (home / "bin/python").unlink()
    (home / "bin/python").symlink_to(real)
    script = home / "bin/queqiao"
    script.write_text(re.sub(r"^#!.*", f"#!/{HOME}/bin/python", script.read_text()))
    config = {"home": str(Path(real).parent), "include-system-site-packages": "false", "version": minor}
    (home / "pyvenv.cfg").write_text("".join(f"{key} = {value}\n" for key, value in config.items()))
    shutil.rmtree(home / "include", ignore_errors=True)
    # dpkg knows the files; pip's own list would name those that are gone, and where the wheel lay.
    for info in home.glob("lib/python*/site-packages/*.dist-info"):
        for name in ("RECORD", "direct_url.json", "REQUESTED"):
            (info / name).unlink(missing_ok=True)
        (info / "INSTALLER").write_text("dpkg\n")
    return minor


def files(stage: Path) -> None:
    """Lay out what stands beside the environment: command, units, configuration, documents."""
    brought = stage / HOME / "share"
    units = stage / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in sorted((brought / "queqiao/systemd").iterdir()):
        (units / unit.name).write_text(unit_text(unit.read_text(encoding="utf-8")), encoding="utf-8")
    documents = stage / "usr/share/doc/queqiao"
    documents.mkdir(parents=True)
    shutil.copyfile(brought / "queqiao/config.example.toml", documents / "config.example.toml")
    shutil.copyfile(HERE / "copyright", documents / "copyright")
    changes = (ROOT / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(changes, 9, mtime=0))
    shutil.rmtree(brought)
    manual = stage / "usr/share/man/man1/queqiao.1.gz"
    manual.parent.mkdir(parents=True)
    manual.write_bytes(gzip.compress((told(stage, "man") + "\n").encode(), 9, mtime=0))
    words = stage / "usr/share/bash-completion/completions/queqiao"
    words.parent.mkdir(parents=True)
    words.write_text(told(stage, "completion", "bash") + "\n", encoding="utf-8")
    etc = stage / "etc/queqiao"
    etc.mkdir(parents=True)
    shutil.copyfile(HERE / "config.toml", etc / "config.toml")
    command = stage / COMMAND.lstrip("/")
    command.parent.mkdir(parents=True)
    command.symlink_to(f"../lib/{Path(HOME).name}/bin/queqiao")


def told(stage: Path, *words: str) -> str:
    """Return what the command that has just been installed prints."""
    return run(str(stage / HOME / "bin/python"), "-B", "-m", "bridge.cli.main", *words)


def unit_text(text: str) -> str:
    """Return a unit for the package: its command, and the user that the package makes instead of a dynamic one."""
    text = text[text.index("[Unit]") :].replace(BY_HAND, COMMAND)
    return re.sub(r"^DynamicUser=yes\n", "", text, flags=re.MULTILINE)


def compiled(stage: Path, python: str) -> None:
    """Compile all modules, so that nothing has to be written where the service may not write."""
    library = stage / HOME / "lib"
    run(
        *(python, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(stage), "-p", "/", str(library)),
    )


def control(stage: Path, version: str, minor: str) -> dict[str, str]:
    """Write dpkg's files; return the fields."""
    sums = {}
    size = 0
    for path in sorted(stage.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = str(path.relative_to(stage))
            data = path.read_bytes()
            size += len(data)
            if not name.startswith("etc/"):
                sums[name] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    folder = stage / "DEBIAN"
    folder.mkdir()
    text = (HERE / "control").read_text(encoding="utf-8")
    major, number = minor.split(".")
    values = {
        "VERSION": version,
        "ARCHITECTURE": run("dpkg", "--print-architecture"),
        "SIZE": str(size // 1024),
        "PYTHON": minor,
        "PYTHON_NEXT": f"{major}.{int(number) + 1}",
    }
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    (folder / "control").write_text(text, encoding="utf-8")
    (folder / "conffiles").write_text("/etc/queqiao/config.toml\n")
    (folder / "md5sums").write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    for name in ("postinst", "prerm", "postrm"):
        shutil.copyfile(HERE / name, folder / name)
    return {"Version": version, "Architecture": values["ARCHITECTURE"]}


def settle(stage: Path) -> None:
    """Give every file the mode and the time that it has in every build."""
    for path in [stage, *stage.rglob("*")]:
        if path.is_symlink():
            os.utime(path, (epoch(), epoch()), follow_symlinks=False)
            continue
        runs = path.is_dir() or path.parent.name == "bin" or path.name in {"postinst", "prerm", "postrm"}
        path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch(), epoch()))
    (stage / "etc/queqiao").chmod(0o750)
    (stage / "etc/queqiao/config.toml").chmod(0o640)


if __name__ == "__main__":
    main()
