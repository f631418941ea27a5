"""Parts, drawings, files and notebook pictures of a result."""

from __future__ import annotations

import copy
import csv
import gc
import json
import pickle
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import FIVE_NAMES, NAMES_68, known_lines
from rcn_mmpose.image.drawing import draw_keypoints
from rcn_mmpose.inference import Failure, Result
from rcn_mmpose.io.output import SourceImage


def make(images: list[SourceImage], image_index: list[int], **changes: Any) -> Result:
    """Return a result whose face i has keypoints near (10 i, 10 i)."""
    count = len(image_index)
    places = 10.0 * np.arange(count).reshape(-1, 1, 1) + np.arange(10).reshape(5, 2)
    fields = dict(
        keypoints=places.astype(np.float32),
        confidence=np.full((count, 5), 0.5, np.float32)
        + np.arange(count)[:, None] / 10,
        covariance=np.tile(np.eye(2, dtype=np.float32), (count, 5, 1, 1)),
        boxes=np.tile([0.0, 0, 40, 40], (count, 1)) + np.arange(count)[:, None],
        image_index=np.array(image_index, np.int64),
        images=tuple(images),
        names=FIVE_NAMES,
        failures=(),
        timing=dict(total=1.0),
    )
    return Result(**{**fields, **changes})


@pytest.fixture
def result() -> Result:
    """Faces 0 and 1 in image 0, face 2 (failed) and 3 in image 2; image 1 failed."""
    images = [SourceImage(n, (60, 50)) for n in ('a.png', 'b.png', 'c.png')]
    failures = (Failure(1, None, 'lost'), Failure(2, 0, 'outside'))
    made = make(images, [0, 0, 2, 2], failures=failures)
    made.keypoints[2], made.confidence[2] = np.nan, 0
    return made


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), np.full((50, 60, 3), 80, np.uint8))
    return path


def test_an_integer_gives_one_face_with_its_image(result: Result) -> None:
    second = result[1]
    assert isinstance(second, Result) and len(second) == 1
    np.testing.assert_array_equal(second.keypoints, result.keypoints[1:2])
    assert second.images == result.images[:1] and second.failures == ()
    last = result[-1]
    np.testing.assert_array_equal(last.boxes, result.boxes[3:])
    assert last.images == result.images[2:] and last.image_index.tolist() == [0]
    assert result[2].failures == (Failure(0, 0, 'outside'),)
    assert len(result[np.int64(0)]) == 1


@pytest.mark.parametrize(
    ('index', 'rows'),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([3, 0], [3, 0]),
        ([], []),
        (np.array([-1]), [3]),
        ([True, False, False, True], [0, 3]),
        (np.array([False, False, True, False]), [2]),
    ],
)
def test_parts_keep_all_images(result: Result, index: Any, rows: list) -> None:
    part = result[index]
    for name in ('keypoints', 'confidence', 'covariance', 'boxes', 'image_index'):
        np.testing.assert_array_equal(getattr(part, name), getattr(result, name)[rows])
    assert part.images == result.images
    assert Failure(1, None, 'lost') in part.failures
    number = [Failure(2, rows[:i].count(3), 'outside') for i in range(len(rows))]
    expected = [number[i] for i, row in enumerate(rows) if row == 2]
    assert [f for f in part.failures if f.face is not None] == expected


def test_a_mask_of_the_result_itself(result: Result) -> None:
    assert len(result[result.found]) == 3
    assert len(result[result.confidence.mean(1) > 0.55]) == 2


def test_tables_number_the_faces_of_a_part(result: Result) -> None:
    table = result[[3, 0, 2, 1]].to_pandas()
    assert table.file.tolist()[::5] == ['c.png', 'a.png', 'c.png', 'a.png']
    assert table.face.tolist()[::5] == [0, 0, 1, 1]


def test_iteration(result: Result) -> None:
    faces = list(result)
    assert [len(face) for face in faces] == [1] * 4
    assert [face.images[0].name for face in faces] == [
        'a.png',
        'a.png',
        'c.png',
        'c.png',
    ]
    assert list(result[:0]) == []


@pytest.mark.parametrize('index', [4, -5, [0, 4], [True] * 3])
def test_faces_that_do_not_exist(result: Result, index: Any) -> None:
    with pytest.raises(IndexError, match='faces|of 4'):
        result[index]


def test_a_mask_of_keypoints_names_the_cure(result: Result) -> None:
    with pytest.raises(IndexError, match=r'shape \(4, 5\) for 4 faces.*mean\(1\)'):
        result[result.confidence > 0.5]


@pytest.mark.parametrize('index', ['a', 1.0, (0, 1), True, None])
def test_other_indices(result: Result, index: Any) -> None:
    with pytest.raises(TypeError, match='give an integer, a slice, a mask'):
        result[index]


def test_the_text_is_one_short_line(result: Result) -> None:
    # The mean of 0.5, 0.6 and 0.8.
    expected = '4 faces in 3 images, 5 keypoints, mean confidence 0.63, 2 failed'
    assert repr(result) == f'Result({expected})'
    assert (
        repr(result[0])
        == "Result(1 face in 'a.png', 5 keypoints, mean confidence 0.50)"
    )
    nothing = make([SourceImage('', (60, 50))], [])
    assert repr(nothing) == 'Result(0 faces in 1 image, 5 keypoints)'


def test_a_path_is_read_again(photo: Path) -> None:
    result = make([SourceImage(str(photo), (60, 50))], [0, 0])
    expected = draw_keypoints(
        cv2.imread(str(photo)),
        result.keypoints,
        result.confidence,
        result.boxes,
        lines=known_lines(FIVE_NAMES),
        legend=True,
    )
    np.testing.assert_array_equal(result.draw(), expected)
    plain = result.draw(lines=False, box=False, radius=1, legend=False)
    dots = draw_keypoints(
        cv2.imread(str(photo)),
        result.keypoints,
        result.confidence,
        result.boxes,
        box=False,
        radius=1,
    )
    np.testing.assert_array_equal(plain, dots)
    for option in ('ellipses', 'numbers'):
        assert (result.draw(**{option: True}) != expected).any()
    photo.unlink()
    with pytest.raises(FileNotFoundError, match='does not exist'):
        result.draw()


def test_an_array_is_found_while_it_exists() -> None:
    image = np.full((50, 60), 80, np.uint8)
    source = SourceImage('', (60, 50)).with_lent(image)
    assert source == SourceImage('', (60, 50)) and tuple(source) == ('', (60, 50))
    result = make([source], [0])
    drawn = result.draw()
    assert drawn.shape == (50, 60, 3) and (image == 80).all()
    np.testing.assert_array_equal(result[0].draw(), drawn)
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        np.testing.assert_array_equal(other.draw(image), drawn)
        with pytest.raises(ValueError, match=r'give draw\(image\)'):
            other.draw()
    gone = weakref.ref(image)
    del image
    gc.collect()
    assert gone() is None  # the result does not keep it
    with pytest.raises(ValueError, match='no longer exists.*does not keep it'):
        result.draw()
    assert result._repr_png_() is None


def test_the_image_must_have_the_size_of_the_predicted_one(photo: Path) -> None:
    result = make([SourceImage(str(photo), (60, 50))], [0])
    with pytest.raises(ValueError, match='60x40 pixels; the keypoints.*60x50'):
        result.draw(np.zeros((40, 60, 3), np.uint8))


def test_several_images_are_drawn_one_by_one(result: Result) -> None:
    with pytest.raises(ValueError, match=r'3 images; .*of\(0\).draw\(\)'):
        result.draw()


def test_keypoints_of_own_lines(photo: Path) -> None:
    source = SourceImage(str(photo), (60, 50))
    own = make([source], [0], names=tuple('abcde'))
    lined = replace(own, lines=((0, 4),))
    assert (lined.draw() != own.draw()).any()
    assert own.to_coco()['categories'][0]['skeleton'] == []
    assert lined.to_coco()['categories'][0]['skeleton'] == [[1, 5]]


@pytest.mark.parametrize('names', [FIVE_NAMES, NAMES_68])
def test_the_skeleton_counts_from_1(names: tuple, photo: Path) -> None:
    result = make([SourceImage(str(photo), (60, 50))], [0])
    points = np.zeros((1, len(names), 2), np.float32)
    many = replace(result, keypoints=points, confidence=points[..., 0], names=names)
    (category,) = many.to_coco()['categories']
    assert category['keypoints'] == list(names)
    skeleton = np.array(category['skeleton'])
    assert skeleton.min() == 1 and skeleton.max() == len(names)
    assert (skeleton - 1).tolist() == [list(line) for line in known_lines(names)]


def test_files_of_a_result(photo: Path, tmp_path: Path) -> None:
    result = make([SourceImage(str(photo), (60, 50))], [0, 0])
    result.save(tmp_path / 'new' / 'faces.json')
    content = json.loads((tmp_path / 'new/faces.json').read_text())
    assert len(content['annotations']) == 2
    assert content['categories'] == result.to_coco()['categories']
    result.save(str(tmp_path / 'faces.CSV'))
    with open(tmp_path / 'faces.CSV', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['keypoint'] for row in rows[:5]] == list(FIVE_NAMES)
    result.save(tmp_path / 'drawn.png', legend=False, numbers=True)
    drawn = cv2.imread(str(tmp_path / 'drawn.png'))
    np.testing.assert_array_equal(drawn, result.draw(legend=False, numbers=True))
    result.save(tmp_path / 'drawn.jpg', image=str(photo))
    assert cv2.imread(str(tmp_path / 'drawn.jpg')).shape == (50, 60, 3)
    before = photo.read_bytes()
    with pytest.raises(ValueError, match='is a predicted image'):
        result.save(photo)
    assert photo.read_bytes() == before
    for name in ('faces', 'faces.pdf.x', 'faces.txt'):
        with pytest.raises(ValueError, match=r'ends in \.json or \.csv'):
            result.save(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_notebook_shows_a_picture(photo: Path) -> None:
    small = make([SourceImage(str(photo), (60, 50))], [0])
    shown = cv2.imdecode(np.frombuffer(small._repr_png_(), np.uint8), 1)
    # The longer side is enlarged to 480; a line of text follows.
    assert shown.shape[1] == 480 and 400 < shown.shape[0] < 440
    source = SourceImage(str(photo), (60, 50))
    lost = SourceImage('lost.png', (60, 50))
    several = make([source, lost, source], [0, 1, 2])
    shown = cv2.imdecode(np.frombuffer(several._repr_png_(), np.uint8), 1)
    assert shown.shape[1] == 2 * 320 + 2
    assert make([lost], [0])._repr_png_() is None


def test_a_notebook_shows_a_large_image_reduced(tmp_path: Path) -> None:
    path = str(tmp_path / 'large.png')
    cv2.imwrite(path, np.zeros((1000, 3000, 3), np.uint8))
    shown = make([SourceImage(path, (3000, 1000))], [0])._repr_png_()
    assert cv2.imdecode(np.frombuffer(shown, np.uint8), 1).shape[1] == 960
