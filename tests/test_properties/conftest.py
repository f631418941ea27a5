"""Hypothesis profile: the same examples in each run, few enough to be fast."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    'repeatable',
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile('repeatable')
