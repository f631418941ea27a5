"""Tests of tools/browse.py."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import load_tool

from rcn_mmpose.image.contact_sheet import TRUTH, legend


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
    marks = ['truth', 'hidden', 'box'] if mode == 'original' else ['truth']
    explained = legend(marks, 3 * 50 + 2 * 2)
    assert sheet.shape == (len(explained) + 2 * 50 + 2, 3 * 50 + 2 * 2, 3)
    assert (sheet[: len(explained)] == explained).all()
    near = np.abs(sheet[len(explained) :].astype(int) - TRUTH).max(-1) < 40
    assert near.sum() >= 6  # at least one blue pixel per face
