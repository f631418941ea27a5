"""The licences of the locked packages are those of the environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import ROOT, load_tool


def test_licences_of_the_lock() -> None:
    if not (Path(sys.prefix) / '.installed').exists():
        pytest.skip('This environment was not made by `make install`.')
    tool = load_tool('release/licences.py')
    assert tool.page() == (ROOT / 'requirements' / 'licences.md').read_text()
