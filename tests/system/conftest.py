import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture
def database(tmp_path):
    """Return the address of an empty database."""
    return f"sqlite:///{tmp_path}/queqiao.db"
