"""What docs/prediction.md shows works."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from .small_model import build, config, random_crops

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


def test_its_lines_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / 'docs' / 'prediction.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    blocks = [text for text in blocks if 'data/' not in text]
    assert len(blocks) == 6

    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    config().dump(tmp_path / 'configs' / 'rcn_300w.py')
    weights = tmp_path / 'work_dirs' / 'rcn_300w' / 'best_NME.pth'
    weights.parent.mkdir(parents=True)
    torch.save(build().state_dict(), weights)
    for i, name in enumerate(('photo.jpg', 'a.jpg', 'b.jpg')):
        cv2.imwrite(name, random_crops(1, i, side=320)[0])
    picture = random_crops(1, 3, side=320)[0]
    box = [20, 30, 200, 220]
    names = dict(
        box_1=box,
        box_2=[0, 0, 9, 9],
        numpy=np,
        some_faces=[(picture, [box, [50, 60, 300, 310]])] * 4,
    )
    for text in blocks:
        exec(text, names)
    assert len(names['result']) == 2 and len(names['first']) == 2
    assert Path('model-int8.json').is_file()
    assert names['model'](picture, box).found.all()
