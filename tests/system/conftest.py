import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from databases import KINDS, empty_database


@pytest.fixture(params=KINDS)
def database(request, tmp_path):
    """Return the address of an empty database."""
    with empty_database(request.param, tmp_path) as url:
        yield url
