"""What docs/prediction.md shows works."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.synthetic import render_face

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


def test_its_lines_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / 'docs' / 'prediction.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    blocks = [text for text in blocks if 'data/' not in text]
    assert len(blocks) == 7

    monkeypatch.chdir(tmp_path)
    face = render_face(0, size=400, pose=(0, 0, 0), plain=True)
    image, box = face.image, [50, 60, 360, 370]
    for name in ('photo.jpg', 'a.jpg', 'b.jpg'):
        cv2.imwrite(name, image)
    names = dict(
        box_1=box,
        box_2=[0, 0, 9, 9],
        numpy=np,
        some_faces=[(image, [box, [60, 70, 350, 360]])] * 4,
    )
    exec(blocks[0], names)
    # the detector found the face
    assert len(names['result']) == 1 and names['result'].found.all()
    eyes = np.linalg.norm(face.five[1] - face.five[0])
    off = np.linalg.norm(names['result'].keypoints[0] - face.keypoints, axis=-1)
    assert off.mean() < 0.2 * eyes
    for text in blocks[1:]:
        exec(text, names)
    assert len(names['result']) == 2 and len(names['first']) == 2
    assert Path('model-int8.json').is_file()
    assert names['model'](image, box).found.all()
