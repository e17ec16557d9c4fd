"""Programs that some tests drive and that pip cannot bring: a browser, a mail client, a proxy.

``.ci/run`` installs what ``.ci/packages`` names and sets ``QUEQIAO_PROGRAMS=required``: there a missing program is a failure. Elsewhere
the test that needs it is left out and says which package to install.
"""

import os
import shutil

import pytest


def need(program: str, package: str | None = None) -> str:
    """Return where a program is; leave the test out (in CI: fail it) if it is missing."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is not None:
        return found
    words = f"{program} is missing: apt-get install {package or program}"
    if os.environ.get("QUEQIAO_PROGRAMS") == "required":
        pytest.fail(words)
    pytest.skip(words)
