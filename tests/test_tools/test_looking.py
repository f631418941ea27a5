"""Tests of tools/browse.py."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from conftest import load_tool


@pytest.mark.parametrize('mode', ['original', 'input'])
def test_browse(mode: str, root: Path, converted: Path) -> None:
    out = converted / 'sheets' / f'{mode}.png'
    load_tool('browse.py').main(
        [
            str(root / 'configs' / 'rcn_aflw.py'),
            '--mode',
            mode,
            '--out',
            str(out),
            '--number',
            '6',
            '--side',
            '50',
            '--cfg-options',
            f'train_dataloader.dataset.data_root={converted}/',
        ]
    )
    sheet = cv2.imread(str(out))
    assert sheet.shape == (2 * 50 + 2, 3 * 50 + 2 * 2, 3)
    green = (sheet == (0, 255, 0)).all(-1).sum()
    assert green >= 6  # at least one green pixel per face
