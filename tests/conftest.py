"""What every test shares: a search that is the same in every run, unless one asks for a new one."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("QUEQIAO_SEARCH") else "repeatable")
