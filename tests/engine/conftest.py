import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from world import DingTalkSide, WeComSide, World

SIDES = [WeComSide, DingTalkSide]


@pytest.fixture(params=SIDES, ids=lambda side: side.source)
def world(request, tmp_path):
    made = World(request.param, tmp_path)
    yield made
    made.close()
