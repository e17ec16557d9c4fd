"""What every test shares: a search that is the same in every run, unless one asks for a new one."""

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("QUEQIAO_SEARCH") else "repeatable")
