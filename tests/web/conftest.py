import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "plugin"))

from davkit import running, two_users


@pytest.fixture
def service():
    return two_users()


@pytest.fixture
def box(service):
    with running(service) as made:
        yield made
