"""Write what a release consists of, as CycloneDX JSON: the wheel and every package that it brings, in locked versions.

usage: python release/sbom.py WHEEL --out FILE

The wheel is installed into an empty environment with the versions of release/locked.txt, and that environment is described. With
SOURCE_DATE_EPOCH set the bytes are the same each time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SPECIFICATION: Final = "1.6"
"""Version of CycloneDX."""


def main() -> None:
    """Install, describe, validate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "env"
        install(home, given.wheel)
        describe(home, given.out)


def install(home: Path, wheel: Path) -> None:
    """Make an environment that holds the wheel and what it needs, and nothing else, not even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(home / "bin/python"), "install", "--quiet"),
            *(
                "--only-binary",
                ":all:",
                "--constraint",
                str(ROOT / "release/locked.txt"),
                f"{wheel}[postgres]",
            ),
        ],
        check=True,
    )
    for path in home.glob("lib/python*/site-packages/*.dist-info/direct_url.json"):
        path.unlink()  # says in which folder the wheel lay


def describe(home: Path, out: Path) -> None:
    """Write the description of an environment; an invalid one is an error and no file."""
    subprocess.run(
        [
            *(sys.executable, "-m", "cyclonedx_py", "environment", str(home / "bin/python")),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--sv", SPECIFICATION, "--output-reproducible"),
            *("--validate", "-o", str(out)),
        ],
        check=True,
    )


if __name__ == "__main__":
    main()
