"""Files of faces that are written as the faces come."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.io.output import Failure, PredictionFile, Result, SourceImage
from rcn_mmpose.io.predictions import VideoPredictionFile, read_predictions

NAMES = ('left', 'right')


def result(name: str = 'a.png', faces: int = 1, failed: bool = False) -> Result:
    """Return the result of one image; the last face of some fails."""
    keypoints = np.arange(4 * faces, dtype=np.float32).reshape(faces, 2, 2)
    if failed:
        keypoints[-1] = np.nan
    return Result(
        keypoints=keypoints,
        confidence=np.full((faces, 2), 0.5, np.float32),
        covariance=np.tile(np.float32([[1, 2], [2, 3]]), (faces, 2, 1, 1)),
        boxes=np.tile([0.1, 0.2, 4.3, 5.4], (faces, 1)),
        image_index=np.zeros(faces, int),
        images=(SourceImage(name, (10, 20)),),
        names=NAMES,
        failures=(Failure(0, faces - 1, 'why'),) if failed else (),
        timing={},
    )


def test_the_json_has_all_lists(tmp_path: Path) -> None:
    path = tmp_path / 'k.json'
    with PredictionFile(str(path)) as file:
        file.add(result('a.png', 2, failed=True))
        file.fail('b.png', 'broken')
        file.add(result('c.png', 1))
    face = dict(
        category_id=1,
        bbox=[0.1, 0.2, 4.3 - 0.1, 5.4 - 0.2],
        area=(4.3 - 0.1) * (5.4 - 0.2),
        iscrowd=0,
        num_keypoints=2,
        keypoints=[0, 1, 2, 2, 3, 2],
        keypoint_scores=[0.5, 0.5],
        score=0.5,
        keypoint_covariances=[[1, 2, 3], [1, 2, 3]],
    )
    content = json.loads(path.read_text())
    category = content.pop('categories')[0]
    assert category['keypoints'] == list(NAMES)
    assert content == dict(
        images=[
            dict(id=1, file_name='a.png', width=10, height=20),
            dict(id=2, file_name='c.png', width=10, height=20),
        ],
        annotations=[dict(face, id=i, image_id=i) for i in (1, 2)],
        failures=[
            dict(file_name='a.png', face=1, reason='why'),
            dict(file_name='b.png', face=None, reason='broken'),
        ],
    )


def test_the_csv_has_a_line_for_each_keypoint(tmp_path: Path) -> None:
    path = tmp_path / 'K.CSV'
    with PredictionFile(str(path)) as file:
        file.add(result('a, "b"\n.png', 2))
    with path.open(newline='') as text:
        header, *rows = csv.reader(text)
    assert ','.join(header) == (
        'file,face,x1,y1,x2,y2,keypoint,x,y,confidence,var_x,cov_xy,var_y'
    )
    box = ['0.1', '0.2', '4.3', '5.4']  # as given, to the last digit
    rest = ['0.5', '1.0', '2.0', '3.0']
    assert rows == [
        ['a, "b"\n.png', '0', *box, 'left', '0.0', '1.0', *rest],
        ['a, "b"\n.png', '0', *box, 'right', '2.0', '3.0', *rest],
        ['a, "b"\n.png', '1', *box, 'left', '4.0', '5.0', *rest],
        ['a, "b"\n.png', '1', *box, 'right', '6.0', '7.0', *rest],
    ]


@pytest.mark.parametrize('ending', ['json', 'csv'])
def test_an_earlier_file_stays_until_there_is_an_image(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f'k.{ending}'
    with PredictionFile(str(path)) as file:  # the first file, of failures only
        file.fail('b.png', 'broken')
    assert path.exists() and not file.kept
    path.write_text('earlier')
    with PredictionFile(str(path)) as file:
        file.fail('b.png', 'broken')
    assert file.kept and path.read_text() == 'earlier'
    for error, content in ((None, 'earlier'), (result(), None)):
        with pytest.raises(KeyboardInterrupt), PredictionFile(str(path)) as file:
            if error:
                file.add(error)
                assert path.read_text() == 'earlier'
            raise KeyboardInterrupt
        if content:
            assert path.read_text() == content
    assert len(read_predictions(str(path))) == 1
    assert os.listdir(tmp_path) == [path.name]


def test_an_error_before_the_first_image_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='wrong use'):
        with PredictionFile(str(tmp_path / 'k.json')):
            raise ValueError('wrong use')
    assert not os.listdir(tmp_path)


def test_a_file_that_cannot_be_written_is_named_first(tmp_path: Path) -> None:
    (tmp_path / 'folder').touch()
    path = str(tmp_path / 'folder' / 'k.json')
    with pytest.raises(OSError, match=f'{path!r} cannot be written: '):
        PredictionFile(path)


def test_a_full_disk_keeps_the_results_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'k.csv'
    full = OSError(28, 'No space left on device')
    with pytest.raises(OSError, match='No space left .* so far are in') as caught:
        with PredictionFile(str(path)) as file:
            file.add(result())
            monkeypatch.setattr(
                file._main, 'flush', lambda: (_ for _ in ()).throw(full)
            )
            file.add(result())
    (draft,) = os.listdir(tmp_path)
    assert repr(str(tmp_path / draft)) in str(caught.value)
    monkeypatch.undo()
    file._main.close()
    assert len((tmp_path / draft).read_text().splitlines()) == 5


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from test_face_file import PredictionFile, result
with PredictionFile(sys.argv[1]) as file:
    for i in range(3):
        file.add(result(f'{i}.png'))
    file.fail('x.png', 'broken')
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize('ending', ['json', 'csv'])
def test_a_killed_process_leaves_readable_drafts(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f'k.{ending}'
    path.write_text('earlier')
    words = (str(path), str(Path(__file__).parent))
    done = subprocess.run([sys.executable, '-c', KILLED, *words])
    assert done.returncode == -9
    assert path.read_text() == 'earlier'
    (draft,) = {*tmp_path.glob(f'k.{ending}.*.tmp')} - {*tmp_path.glob('*.images.tmp')}
    if ending == 'csv':
        saved = tmp_path / 'saved.csv'
        saved.write_text(draft.read_text())
        assert [face.file for face in read_predictions(str(saved))] == [
            *('0.png', '1.png', '2.png')
        ]
        return
    faces = json.loads(draft.read_text() + ']}')['annotations']
    assert [face['image_id'] for face in faces] == [1, 2, 3]
    (more,) = tmp_path.glob('k.json.*.images.tmp')
    first, *_, last = map(json.loads, more.read_text().splitlines())
    assert first['images']['file_name'] == '0.png'
    assert last['failures']['file_name'] == 'x.png'


def test_a_video(tmp_path: Path) -> None:
    face = result()
    tracked = (7, *(a[0] for a in (face.boxes, face.keypoints, face.confidence)))
    path = tmp_path / 'k.json'
    with VideoPredictionFile(str(path), NAMES, 10) as file:
        file.add((4, 3), 0.0, [])
        file.add((4, 3), 0.1, [(*tracked, face.covariance[0])])
    content = json.loads(path.read_text())
    assert set(content) == {'info', 'images', 'annotations', 'categories'}
    assert content['info'] == dict(frames_per_second=10)
    assert content['images'][1] == dict(
        id=2, file_name='1', width=4, height=3, frame=1, time=0.1
    )
    (found,) = content['annotations']
    assert (found['track_id'], found['image_id']) == (7, 2)


def test_a_stream_takes_the_content(tmp_path: Path) -> None:
    for ending in ('json', 'csv'):
        path = tmp_path / f'k.{ending}'
        stream = io.StringIO()
        for target in (None, stream):
            with PredictionFile(str(path), stream=target) as file:
                file.add(result())
                file.fail('b.png', 'broken')
        assert stream.getvalue() == path.read_text()
    assert sorted(os.listdir(tmp_path)) == ['k.csv', 'k.json']


@pytest.mark.parametrize('ending', ['json', 'csv'])
def test_memory_does_not_grow(tmp_path: Path, ending: str) -> None:
    grown = []
    with PredictionFile(str(tmp_path / f'k.{ending}')) as file:
        tracemalloc.start()
        for _ in range(3):
            for i in range(300):
                file.add(result(f'{i}.png', 2, failed=True))
            gc.collect()
            grown.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert grown[2] - grown[0] < 20_000  # 600 images take 300 kB in a list
