from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import set_times, write_video

from rcn_mmpose.cli import main
from rcn_mmpose.detect import YuNetDetector
from rcn_mmpose.inference import TorchPredictor
from rcn_mmpose.io.predictions import read_predictions
from rcn_mmpose.tracking import frames as module
from rcn_mmpose.tracking.frames import VideoFrames
from rcn_mmpose.tracking.one_euro import FilteredFace, OneEuroFilter
from rcn_mmpose.tracking.tracker import Tracker

FRAMES = 6


@pytest.fixture
def video(tmp_path: Path, face: np.ndarray) -> Path:
    """A video of a face that moves to the right, 6 frames of 240x200 pixels."""
    frames = []
    for i in range(FRAMES):
        image = np.full((200, 240, 3), 128, np.uint8)
        image[20:180, 10 + 5 * i : 170 + 5 * i] = face
        frames.append(image)
    return write_video(tmp_path / 'face.avi', frames)


def call(video: Path, checkpoint: str, *more: object) -> int:
    # Random weights give low confidences.
    words = ['--model', checkpoint, '--lost', 0, video, *more]
    return main(['video', *map(str, words)])


def frames_of(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = capture.read()
        if not there:
            return frames
        frames.append(frame)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


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


def test_times_and_filter_follow_the_time_stamps(
    video: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [0, 40, 80, 1000, 1040, 1800]
    changed = set_times(write_video(video.with_suffix('.mkv'), frames_of(video)), times)
    given = []
    real = OneEuroFilter.smooth

    def noted(self: OneEuroFilter, face: FilteredFace, time: float, size: float):
        given.append(time)
        return real(self, face, time, size)

    monkeypatch.setattr(OneEuroFilter, 'smooth', noted)
    for name in ('k.csv', 'k.json'):
        assert call(changed, checkpoint, '--out', video.parent / name) == 0
    expected = [time / 1000 for time in times]
    content = json.loads((video.parent / 'k.json').read_text())
    assert [image['time'] for image in content['images']] == pytest.approx(expected)
    rows = rows_of(video.parent / 'k.csv')
    found = {int(row['frame']): float(row['time']) for row in rows}
    assert found == pytest.approx({i: expected[i] for i in found})
    assert set(given) <= set(found.values()) and len(set(given)) > 3


def test_a_drawn_video_keeps_the_duration(video: Path, checkpoint: str) -> None:
    """The header says 10 frames per second, the time stamps 25, with gaps."""
    changed = write_video(video.with_suffix('.mkv'), frames_of(video))
    set_times(changed, [0, 40, 80, 1000, 1040, 1800])
    drawn = video.parent / 'd.avi'
    out = video.parent / 'k.csv'
    assert call(changed, checkpoint, '--out', out, '--draw', drawn) == 0
    capture = cv2.VideoCapture(str(drawn))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    frames = frames_of(drawn)
    assert len(frames) == pytest.approx((1.8 + 0.04) * 25, abs=1)
    plain = frames_of(video)
    shown = [
        int(np.argmin([np.abs(frame.astype(int) - image).mean() for image in plain]))
        for frame in frames
    ]
    assert shown == sorted(shown)
    starts = [shown.index(i) / 25 for i in range(FRAMES)]
    assert starts == pytest.approx([0, 0.04, 0.08, 1.0, 1.04, 1.8], abs=0.05)


def test_face_numbers_are_drawn(
    video: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rcn_mmpose.image import drawing

    written = []
    monkeypatch.setattr(drawing, 'write', lambda _, text, *more: written.append(text))
    drawn, out = video.parent / 'd.avi', video.parent / 'k.csv'
    words = ('--draw', drawn, '--no-box', '--radius', 2)
    assert call(video, checkpoint, '--out', out, *words) == 0
    faces = {(row['frame'], row['face']) for row in rows_of(out)}
    assert written == [face for _, face in sorted(faces)]


def test_several_videos_have_one_output_each(
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(video.parent)
    for name in ('a.avi', 'b.avi'):
        Path(name).write_bytes(video.read_bytes())
    Path('broken.avi').write_text('no video')
    words = ('broken.avi', 'b.avi', '--no-filter')
    drawn = ('--draw', 'drawn/{name}.mp4')
    assert call(Path('a.avi'), checkpoint, *words, *drawn) == 1
    said = capsys.readouterr()
    assert "error: video 'broken.avi'" in said.err
    assert said.out.count(f'in {FRAMES} frames of {FRAMES}') == 2
    assert Path('a.csv').read_bytes() == Path('b.csv').read_bytes()
    assert sorted(os.listdir('drawn')) == ['a.mp4', 'b.mp4']
    assert not Path('broken.csv').exists()
    # One face has the number 0 in both.
    assert {row['face'] for row in rows_of(Path('b.csv'))} == {'0'}


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--out', 'k.csv'], "give one for each, such as --out '{name}.csv'"),
        (['--draw', 'd.mp4'], "give one for each, such as --draw '{name}.mp4'"),
        (['--out', '-'], 'is one file for 2 videos'),
        (['more/face.avi'], "is already the output of 'face.avi'"),
        (['--draw', '{name}.avi'], "'face.avi' is one of the videos"),
    ],
)
def test_outputs_of_several_videos_that_collide(
    words: list[str],
    message: str,
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(video.parent)
    Path('more').mkdir()
    Path('more/face.avi').write_bytes(video.read_bytes())
    Path('other.avi').write_bytes(video.read_bytes())
    before = sorted(os.listdir())
    assert call(Path('face.avi'), checkpoint, 'other.avi', *words) == 2
    assert message in capsys.readouterr().err
    assert sorted(os.listdir()) == before


def test_standard_output(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = video.parent / 'k.csv'
    assert call(video, checkpoint, '--out', out) == 0
    capsys.readouterr()
    assert call(video, checkpoint, '--out', '-') == 0
    said = capsys.readouterr()
    assert said.out == out.read_text()
    assert f'in {FRAMES} frames of {FRAMES}' in said.err
    assert call(video, checkpoint, '--out', '-', '--format', 'json') == 0
    assert len(json.loads(capsys.readouterr().out)['images']) == FRAMES


def test_outputs_are_opened_before_the_first_frame(
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """The message names the path of the user, not a temporary file."""
    monkeypatch.setattr(Tracker, '__call__', None)  # not reached
    monkeypatch.chdir(video.parent)
    Path('file').write_text('no folder')
    for words, path in (
        (['--out', 'file/k.csv'], 'file/k.csv'),
        (['--out', 'k.csv', '--draw', 'file/d.mp4'], 'file/d.mp4'),
    ):
        assert call(video, checkpoint, *words) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert f"'{path}' cannot be written: " in error
        assert '.tmp' not in error
    assert sorted(os.listdir()) == ['face.avi', 'file']


def test_a_full_disk_is_noticed(
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """OpenCV's writer drops frames without a word."""
    from rcn_mmpose.cli import drawn_video

    class Dropping:  # a subclass of a class of OpenCV corrupts memory
        real, fourcc = cv2.VideoWriter, cv2.VideoWriter.fourcc

        def __init__(self, *arguments: object) -> None:
            self.writer, self.count = self.real(*arguments), 0
            self.isOpened, self.release = self.writer.isOpened, self.writer.release

        def write(self, image: np.ndarray) -> None:
            self.count += 1
            if self.count < 4:
                self.writer.write(image)

    out, drawn = video.parent / 'k.csv', video.parent / 'd.avi'
    monkeypatch.setattr(drawn_video.cv2, 'VideoWriter', Dropping)
    assert call(video, checkpoint, '--out', out, '--draw', drawn) == 2
    error = capsys.readouterr().err
    assert '3 of 6 frames could be written; is the disk full?' in error
    assert not drawn.exists() and not list(video.parent.glob('*.tmp*'))
    assert rows_of(out)  # the keypoints are kept


def test_the_results_so_far_survive_a_kill(
    video: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the draft, frame by frame."""
    real = Tracker.__call__
    seen = []

    def watched(self: Tracker, frame: np.ndarray, time: float) -> list:
        (draft,) = video.parent.glob('k.csv.*.tmp')
        seen.append(len({row['frame'] for row in rows_of(draft)}))
        return real(self, frame, time)

    monkeypatch.setattr(Tracker, '__call__', watched)
    assert call(video, checkpoint, '--out', video.parent / 'k.csv') == 0
    assert seen == list(range(FRAMES))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_keep_finished_frames(
    number: int,
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    real = Tracker.__call__

    def tired(self: Tracker, frame: np.ndarray, time: float) -> list:
        if time > 0.25:
            os.kill(os.getpid(), number)
        return real(self, frame, time)

    monkeypatch.setattr(Tracker, '__call__', tired)
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


@pytest.mark.parametrize('part', ['network', 'detector'])
def test_frames_that_fail_do_not_end_the_video(
    part: str,
    video: Path,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any error of a frame is in the summary; the other frames have their faces."""
    owner, name = {
        'network': (TorchPredictor, '_run'),
        'detector': (YuNetDetector, '__call__'),
    }[part]
    work, calls = getattr(owner, name), []

    def fail_once(*arguments: object) -> object:
        calls.append(1)
        # The network sees a new face twice.
        if len(calls) in ((1, 2) if part == 'detector' else (3,)):
            raise RuntimeError('out of memory')
        return work(*arguments)

    monkeypatch.setattr(owner, name, fail_once)
    out = video.parent / 'k.csv'
    assert call(video, checkpoint, '--out', out, '--no-filter') == 1
    said = capsys.readouterr().out
    failed = 2 if part == 'detector' else 1
    assert f'1 face in {FRAMES - failed} frames of {FRAMES}' in said
    assert f'{failed} x the {part} failed: RuntimeError: out of memory' in said
    assert f'frame {2 - failed}' in said
    frames = {int(row['frame']) for row in rows_of(out)}
    assert len(frames) == FRAMES - failed


def test_a_video_without_a_frame(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    content = video.read_bytes()
    images = content.index(b'movi') + 12
    video.write_bytes(content[:images] + bytes(len(content) - images))
    out = video.parent / 'k.csv'
    out.write_text('an earlier file')
    assert call(video, checkpoint, '--out', out) == 2
    assert 'no frame of the video' in capsys.readouterr().err
    assert out.read_text() == 'an earlier file'
    assert sorted(os.listdir(video.parent)) == ['face.avi', 'k.csv']


def test_a_frame_size_that_changes_is_no_success(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    path, drawn = video.parent / 'a.mjpeg', video.parent / 'd.avi'
    images = [cv2.imencode('.jpg', frame)[1].tobytes() for frame in frames_of(video)]
    small = cv2.resize(frames_of(video)[0], (120, 100))
    images += [cv2.imencode('.jpg', small)[1].tobytes()] * 4
    path.write_bytes(b''.join(images))
    out = video.parent / 'k.csv'
    assert call(path, checkpoint, '--out', out, '--draw', drawn) == 1
    said = capsys.readouterr().out
    assert f'the frame size changes at frame {FRAMES}; OpenCV cannot' in said
    assert {int(row['frame']) for row in rows_of(out)} <= set(range(FRAMES))
    assert len(frames_of(drawn)) == FRAMES


def test_frames_of_any_size_are_drawn(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    """Some readers of OpenCV do return frames of another size."""
    frames = frames_of(video)
    frames[3:] = [cv2.resize(frame, (480, 400)) for frame in frames[3:]]

    class Reader(VideoFrames):
        def _grab(self) -> bool:
            self._watch = None
            return self.count < len(frames)

        def _retrieve(self) -> np.ndarray:
            return frames[self.count]

    out, drawn = video.parent / 'k.json', video.parent / 'd.avi'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, 'VideoFrames', Reader)
        assert call(video, checkpoint, '--out', out, '--draw', drawn) == 1
    said = capsys.readouterr().out
    assert 'changes at frame 3 from (240, 200) to (480, 400)' in said
    content = json.loads(out.read_text())
    sizes = [(image['width'], image['height']) for image in content['images']]
    assert sizes == [(240, 200)] * 3 + [(480, 400)] * 3
    # The face of the large frames is a new one, with a box of twice the size.
    widths = {face['track_id']: face['bbox'][2] for face in content['annotations']}
    assert widths[1] > 1.6 * widths[0]
    assert len(frames_of(drawn)) == FRAMES


def test_a_camera_ends_by_ctrl_c_with_its_output(
    video: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """A capture without an end, a rate or time stamps takes the place of a camera."""
    frames = frames_of(video)

    class Camera:
        def __init__(self, number: int) -> None:
            assert number == 3
            self.count = 0

        def isOpened(self) -> bool:  # noqa: N802
            return True

        def get(self, key: int) -> float:
            return -1.0 if key == cv2.CAP_PROP_FRAME_COUNT else 0.0

        def grab(self) -> bool:
            self.count += 1
            if self.count > 20:
                os.kill(os.getpid(), signal.SIGINT)
            return True

        def retrieve(self) -> tuple[bool, np.ndarray]:
            return True, frames[self.count % FRAMES]

        def release(self) -> None:
            pass

    monkeypatch.chdir(video.parent)
    monkeypatch.setattr(module.cv2, 'VideoCapture', Camera)
    assert call(Path('3'), checkpoint, '--out', '{name}.csv') == 130
    assert 'interrupted. ' in capsys.readouterr().err
    rows = rows_of(Path('camera3.csv'))
    times = {int(row['frame']): float(row['time']) for row in rows}
    # The clock of this camera runs as the machine does, and with it the tracker,
    # which may lose the face of an untrained network in the last frames.
    assert 10 < max(times) <= 19
    assert sorted(times.values()) == list(times.values())


def test_no_camera(video: Path, checkpoint: str, capfd: pytest.CaptureFixture) -> None:
    assert call(Path('987'), checkpoint, '--out', video.parent / 'k.csv') == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith('error: the camera 987 cannot be opened')
    assert os.listdir(video.parent) == ['face.avi']


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
        (['--radius', '2'], '--draw FILE'),
        (['--draw', 'd.mp4', '--radius', '0'], 'pixels above 0'),
        (['--format', 'csv'], 'is for --out -'),
        (['--out', 'here.csv'], "--out 'here.csv' is a folder"),
        (['--draw', 'here.mp4'], "--draw 'here.mp4' is a folder"),
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
    for folder in ('here.csv', 'here.mp4'):
        Path(folder).mkdir()
    assert call(video, checkpoint, *words) == 2
    assert message in capsys.readouterr().err
    assert sorted(os.listdir()) == ['face.avi', 'here.csv', 'here.mp4']


def test_files_that_are_not_videos(
    video: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = video.parent / 'k.csv'
    wrong = video.parent / 'text.mp4'
    wrong.write_text('no video')
    assert call(wrong, checkpoint, '--out', out) == 2
    assert f"error: video '{wrong}'" in capsys.readouterr().err
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
