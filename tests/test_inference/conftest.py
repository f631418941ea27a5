from __future__ import annotations

from pathlib import Path

import pytest

from .small_model import build, config, write_checkpoint


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that contains its config."""
    folder = tmp_path_factory.mktemp('checkpoint')
    return write_checkpoint(folder / 'small.pth', config(), build())
