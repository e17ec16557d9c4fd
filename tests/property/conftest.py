"""Laws may drive the engine of ``tests/engine`` and the boxes of ``tests/fidelity``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fidelity"), str(HERE.parent / "engine")]
