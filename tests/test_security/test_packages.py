"""Known vulnerabilities of locked packages are out of reach."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_uses_the_unpickling_of_mmdetection() -> None:
    """CVE-2024-12044: all_reduce_dict, which only SyncNormHook calls."""
    for folder in ('rcn_mmpose', 'tools', 'configs'):
        for path in (ROOT / folder).rglob('*.py'):
            text = path.read_text(encoding='utf-8')
            assert 'all_reduce_dict' not in text, path
            assert 'SyncNormHook' not in text, path
