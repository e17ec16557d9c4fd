"""Print the versions that a release brings along, as constraints for pip: the newest that pyproject.toml allows today.

usage: python release/lock.py > release/locked.txt
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
HEAD: Final = "# What the .deb, the container and the SBOM are made with; `make lock` prints it anew."


def main() -> None:
    """Ask pip what it would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
                *("--only-binary", ":all:", "--report", str(report), f"{ROOT}[postgres]"),
            ],
            check=True,
        )
        installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    pairs = {
        re.sub(r"[-_.]+", "-", one["metadata"]["name"]).lower(): one["metadata"]["version"]
        for one in installed
    }
    pairs.pop("queqiao")
    print("\n".join([HEAD, *(f"{name}=={version}" for name, version in sorted(pairs.items()))]))


if __name__ == "__main__":
    main()
