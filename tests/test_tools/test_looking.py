"""tools/browse.py and tools/report.py."""

from __future__ import annotations

from pathlib import Path

import cv2
import mmengine
import numpy as np
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
    assert green >= 6  # at least one full green pixel a face


def test_report(
    root: Path,
    converted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    content = mmengine.load(converted / 'annotations' / 'aflw5_test.json')
    samples = []
    for k, (image, face) in enumerate(
        zip(content['images'], content['annotations'], strict=True)
    ):
        truth = np.array(face['keypoints']).reshape(1, 5, 3)[..., :2]
        eyes = np.linalg.norm(truth[0, 0] - truth[0, 1])
        x, y, w, h = face['bbox']
        samples.append(
            dict(
                img_path=str(converted / 'mtfl' / image['file_name']),
                input_size=(80, 80),
                input_center=np.array([x + w / 2, y + h / 2]),
                input_scale=np.array([w, h]),
                gt_instances=dict(
                    keypoints=truth, keypoints_visible=np.ones((1, 5))
                ),
                # off by 3 k percent of the eye distance
                pred_instances=dict(keypoints=truth + (0.03 * k * eyes, 0)),
            )
        )
    mmengine.dump(samples, converted / 'predictions.pkl')
    monkeypatch.chdir(converted.parent)
    load_tool('report.py').main(
        [
            str(root / 'configs' / 'rcn_aflw.py'),
            str(converted / 'predictions.pkl'),
            '--out',
            'report',
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    values = {line[:30].strip(): line[30:].split() for line in lines}
    assert values['mean (NME)'] == ['4.50']  # of 0, 3, 6, 9
    assert values['median'] == ['4.50']
    assert values['faces above 8 %, in %'] == ['25.00']
    assert values['faces above 10 %, in %'] == ['0.00']
    for name in ('faces', 'worst', 'ced'):
        assert cv2.imread(f'report/{name}.png').std() > 5
    # the worst comes first: its red dots lie off the green ones
    worst = cv2.imread('report/worst.png')[:160, :160]
    assert (worst == (0, 0, 255)).all(-1).any()
