"""Squares beside faces, and the command on a rendered image."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.detect import yunet
from rcn_mmpose.lab.calibration import face_rejection
from rcn_mmpose.lab.calibration.face_rejection import squares_without_a_face
from rcn_mmpose.synthetic import render_face


def test_squares_touch_no_face() -> None:
    boxes = np.array([[100.0, 100, 150, 150], [40, 100, 95, 155]])
    # The first has no room on the left, the second none on the right.
    found = squares_without_a_face(boxes, 300, 300)
    assert found.tolist() == [[151, 100, 201, 150], [40, 156, 95, 211]]
    alone = np.array([[40.0, 40, 90, 90]])
    assert squares_without_a_face(alone, 110, 110).shape == (0, 4)


@pytest.mark.skipif(yunet._package_file() is None, reason='no weights')
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    face = render_face(0, pose=(0.0, 0.0, 0.0), plain=True)
    canvas = np.full((300, 500, 3), 128, np.uint8)
    canvas[50:210, 20:180] = face.image
    cv2.imwrite(str(tmp_path / 'a.png'), canvas)
    content = dict(
        images=[dict(id=1, file_name='a.png', width=500, height=300)],
        annotations=[dict(id=1, image_id=1, bbox=[30, 60, 140, 140])],
    )
    (tmp_path / 'a.json').write_text(json.dumps(content))
    face_rejection.main([str(tmp_path / 'a.json'), str(tmp_path)])
    said = capsys.readouterr().out
    assert '1 faces, 1 parts without a label' in said
    assert 'score of YuNet: area 1.0000' in said
