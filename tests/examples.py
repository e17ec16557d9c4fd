"""How many examples a law is held against: a fixed number in every run, many more on demand.

``QUEQIAO_EXAMPLES=50000`` (``make test-nightly``) takes that many for each of the laws that ask here; together with
``QUEQIAO_SEARCH=1`` they are new ones each time.
"""

import os

from hypothesis import HealthCheck, Phase, settings

LAW = int(os.environ.get("QUEQIAO_EXAMPLES", "2000"))
"""Examples of a law in one run."""

law = settings(
    max_examples=LAW,
    phases=[Phase.explicit, Phase.reuse, Phase.generate] if LAW <= 2000 else list(Phase),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""For each law of the mapping: what is sent, laid over, compiled."""


def at_least(count: int) -> settings:
    """Return the settings of a law that needs ``count`` examples in one run; on demand it takes more in proportion."""
    return settings(law, max_examples=max(count, LAW * count // 2000))
