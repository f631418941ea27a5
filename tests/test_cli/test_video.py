from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.io.predictions import read_predictions
from rcn_mmpose.tracking.tracker import FaceTracker

FRAMES = 6


@pytest.fixture
def video(tmp_path: Path, face: np.ndarray) -> Path:
    """A video of a face that moves to the right, 6 frames of 240x200 pixels."""
    path = tmp_path / 'face.avi'
    code = cv2.VideoWriter.fourcc(*'MJPG')
    writer = cv2.VideoWriter(str(path), code, 10.0, (240, 200))
    for i in range(FRAMES):
        image = np.full((200, 240, 3), 128, np.uint8)
        image[20:180, 10 + 5 * i : 170 + 5 * i] = face
        writer.write(image)
    writer.release()
    return path


def call(video: Path, checkpoint: str, *more: object) -> int:
    # Random weights give low confidences.
    words = [video, '--model', checkpoint, '--lost', 0, *more]
    return main(['video', *map(str, words)])


def frames_of(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = capture.read()
        if not there:
            return frames
        frames.append(frame)


def test_table_and_json_agree(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    table, coco = video.parent / 'k.csv', video.parent / 'k.json'
    assert call(video, checkpoint, '--out', table, '--no-filter') == 0
    said = capsys.readouterr().out
    assert f'in {FRAMES} frames of {FRAMES}' in said
    assert call(video, checkpoint, '--out', coco, '--no-filter') == 0
    with open(table, newline='') as file:
        rows = list(csv.DictReader(file))
    content = json.loads(coco.read_text())
    assert content['info'] == dict(frames_per_second=10)
    assert [frame['frame'] for frame in content['images']] == list(range(FRAMES))
    frames = {frame['id']: frame for frame in content['images']}
    (category,) = content['categories']
    i = 0
    for found in content['annotations']:
        frame = frames[found['image_id']]
        assert (frame['width'], frame['height']) == (240, 200)
        x, y, width, height = found['bbox']
        for k, name in enumerate(category['keypoints']):
            row = rows[i]
            i += 1
            assert row['keypoint'] == name
            assert int(row['frame']) == frame['frame']
            assert float(row['time']) == frame['time']
            assert float(row['time']) == pytest.approx(frame['frame'] / 10)
            assert int(row['face']) == found['track_id']
            corners = [float(row[v]) for v in ('x1', 'y1', 'x2', 'y2')]
            assert corners == pytest.approx([x, y, x + width, y + height])
            place = [float(row['x']), float(row['y']), 2]
            assert place == found['keypoints'][3 * k : 3 * k + 3]
            spread = [float(row[v]) for v in ('var_x', 'cov_xy', 'var_y')]
            assert spread == found['keypoint_covariances'][k]
            assert float(row['confidence']) == found['keypoint_scores'][k]
    assert i == len(rows) > 0
    by_json, by_csv = (read_predictions(str(path)) for path in (coco, table))
    assert len(by_json) == len(by_csv) == len(content['annotations'])
    for first, second in zip(by_json, by_csv, strict=True):
        assert first.file == second.file
        np.testing.assert_array_equal(first.keypoints, second.keypoints)


def test_evaluate_reads_a_video(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    coco = video.parent / 'k.json'
    assert call(video, checkpoint, '--out', coco, '--no-filter') == 0
    truth = json.loads(coco.read_text())
    for face in truth['annotations']:
        face['bbox'] = [0, 0, 240, 200]
    annotations = video.parent / 'truth.json'
    annotations.write_text(json.dumps(truth))
    table = video.parent / 'k.csv'
    assert call(video, checkpoint, '--out', table, '--no-filter') == 0
    capsys.readouterr()
    for path in (coco, table):
        main(['evaluate', str(path), str(annotations)])
        said = capsys.readouterr()
        count = len(truth['annotations'])
        assert f'{count} of {count} faces have a prediction' in said.out, said.err


def test_drawn_video(video: Path, checkpoint: str) -> None:
    out = video.parent / 'k.csv'
    for name in ('new/drawn.avi', 'drawn.mp4'):
        drawn = video.parent / name
        assert call(video, checkpoint, '--out', out, '--draw', drawn) == 0
        found, plain = frames_of(drawn), frames_of(video)
        assert len(found) == FRAMES
        for a, b in zip(found, plain, strict=True):
            assert a.shape == b.shape
            changed = np.abs(a.astype(int) - b).max(-1) > 60
            assert 20 < changed.sum() < 0.3 * changed.size
    assert not [p for p in video.parent.rglob('*.tmp*')]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_keep_finished_frames(
    number: int,
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    real = FaceTracker.__call__

    def tired(self: FaceTracker, frame: np.ndarray, time: float) -> list:
        if time > 0.25:
            os.kill(os.getpid(), number)
        return real(self, frame, time)

    monkeypatch.setattr(FaceTracker, '__call__', tired)
    out, drawn = video.parent / 'k.json', video.parent / 'd.avi'
    before = signal.getsignal(number)
    assert call(video, checkpoint, '--out', out, '--draw', drawn) == 128 + number
    assert signal.getsignal(number) == before
    assert 'interrupted. ' in capsys.readouterr().err
    assert len(json.loads(out.read_text())['images']) == 3
    assert len(frames_of(drawn)) == 3


def test_a_video_without_a_face(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = video.parent / 'k.csv'
    # Random weights never give a confidence of 1.
    assert call(video, checkpoint, '--out', out, '--lost', 1) == 1
    assert '0 faces in 0 frames of 6' in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 1  # the header


def test_a_truncated_video(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 2 // 3])
    there = len(frames_of(video))
    assert 0 < there < FRAMES - 1
    assert call(video, checkpoint, '--out', video.parent / 'k.csv') == 1
    said = capsys.readouterr().out
    assert f'ended after {there} of the {FRAMES} frames' in said


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--out', 'k.txt'], 'must end in .csv or .json'),
        (['--draw', 'd.gif'], 'must end in .mp4 or .avi'),
        (['--ellipses'], '--draw FILE'),
        (['--cutoff', '0'], 'frequencies above 0'),
        (['--every', '0'], 'every=0'),
        (['--smallest-face', '2'], 'smallest=2'),
    ],
)
def test_invalid_options(
    words: list,
    message: str,
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(video.parent)
    assert call(video, checkpoint, *words) == 2
    assert message in capsys.readouterr().err
    assert [p.name for p in video.parent.iterdir()] == ['face.avi']


def test_files_that_are_not_videos(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = video.parent / 'k.csv'
    wrong = video.parent / 'text.mp4'
    wrong.write_text('no video')
    assert call(wrong, checkpoint, '--out', out) == 2
    assert 'OpenCV cannot decode the video' in capsys.readouterr().err
    assert call(video, checkpoint, '--out', out, '--draw', video) == 2
    assert 'is the video itself' in capsys.readouterr().err
    assert not out.exists()


def test_an_input_is_never_overwritten(
    video: Path, exported: str, capsys: pytest.CaptureFixture
) -> None:
    description = Path(exported).with_suffix('.json')
    before = description.read_bytes()
    assert call(video, exported, '--out', description) == 2
    assert 'is the description of the model' in capsys.readouterr().err
    assert description.read_bytes() == before
