import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from fidelity_box import SIDES, Box


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """Return a function that opens one box for each vendor, when it is first asked for."""
    opened = {}
    with ExitStack() as stack:

        def box(vendor):
            if vendor not in opened:
                opened[vendor] = Box(SIDES[vendor], tmp_path_factory.mktemp(vendor))
                stack.callback(opened[vendor].close)
            return opened[vendor]

        yield box


@pytest.fixture(params=list(SIDES))
def box(boxes, request):
    """Both vendors after each other, unless a test names one."""
    made = boxes(request.param)
    yield made
    made.clear()
