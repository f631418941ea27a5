"""Files that the command reads and writes: images, boxes, predictions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.cli.failures import FailureGroups
from rcn_mmpose.cli.predict import list_images
from rcn_mmpose.io.box_files import boxes_of, read_boxes
from rcn_mmpose.io.image_names import match_names
from rcn_mmpose.io.output import Failure, PredictionFile, Result, SourceImage
from rcn_mmpose.io.predictions import read_predictions

# ---------------------------------------------------------------- images


def test_images_of_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ('b.JPG', 'a.png', 'notes.txt', 'in/c.webp', '[1].png'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    def found(*names: str, recursive: bool = False) -> tuple[list[str], list[str]]:
        paths = [str(tmp_path / name) for name in names]
        listed = list_images(paths, recursive)
        assert not listed.failures
        relative = [os.path.relpath(path, tmp_path) for path in listed.paths]
        return relative, listed.notes

    ignored = '1 file in the folders ignored: no ending of an image (.txt 1)'
    below = '1 subfolder not searched; --recursive searches subfolders'
    assert found('') == (['[1].png', 'a.png', 'b.JPG'], [ignored, below])
    assert found('', recursive=True) == (
        ['[1].png', 'a.png', 'b.JPG', 'in/c.webp'],
        [ignored],
    )
    # each once, in the order of the arguments; a named file may have any ending
    assert found('b.JPG', '', 'notes.txt') == (
        ['b.JPG', '[1].png', 'a.png', 'notes.txt'],
        [ignored, below],
    )
    assert found('**/*.webp') == (['in/c.webp'], [])
    assert found('[1].png') == (['[1].png'], [])  # a name, not a pattern


def test_each_image_once_by_its_first_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'a' / 'b'
    folder.mkdir(parents=True)
    for name in ('x.png', 'y.png', '../x.png'):
        (folder / name).touch()
    (tmp_path / 'link').symlink_to(folder)
    (folder / 'z.png').symlink_to('x.png')
    monkeypatch.chdir(tmp_path)

    def found(*names: str) -> list[str]:
        return list_images(names).paths

    whole = str(folder / 'x.png')
    assert found('./a/b/x.png', whole, 'a//b/x.png', 'a/../a/b/x.png') == [
        './a/b/x.png'
    ]
    # in the folder, too; a link is a separate image
    assert found('a/b/./y.png', 'a/b') == [*('a/b/./y.png', 'a/b/x.png', 'a/b/z.png')]
    # the parent of the link's target is a, not the folder of the link
    assert found('link/../x.png', 'x.png') == ['link/../x.png', 'x.png']
    assert found('link/../x.png', 'a/x.png') == ['link/../x.png']


def test_a_folder_with_images_further_down(tmp_path: Path) -> None:
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'a.png').touch()
    ((_, reason),) = list_images([str(tmp_path)]).failures
    assert 'holds no image' in reason and '--recursive' in reason
    assert not list_images([str(tmp_path)], True).failures
    (tmp_path / 'in' / 'a.png').unlink()
    ((_, reason),) = list_images([str(tmp_path)], True).failures
    assert reason == 'the folder holds no image.'


# ------------------------------------------------------------------- boxes


def test_boxes_from_csv_and_json(tmp_path: Path) -> None:
    table = tmp_path / 'boxes.csv'
    table.write_text(
        'score,file,x1,y1,x2,y2\n1,a.png,1,2,3,4\n1,b.png,5,6,7,8.5\n'
        '1,a.png,nan,0,1,1\n'
    )
    coco = tmp_path / 'boxes.json'
    faces = [(1, [1, 2, 2, 2]), (2, [5, 6, 2, 2.5]), (1, [None, 0, 1, 1])]
    content = dict(
        images=[dict(id=i, file_name=f'{n}.png') for i, n in enumerate('cab')],
        annotations=[
            dict(image_id=i, bbox=[np.nan if v is None else v for v in box])
            for i, box in faces
        ],
    )
    coco.write_text(json.dumps(content))
    for path in (table, coco):
        boxes = read_boxes(str(path))
        np.testing.assert_equal(boxes['b.png'], [[5, 6, 7, 8.5]])
        assert boxes['a.png'][0].tolist() == [1, 2, 3, 4]
        assert np.isnan(boxes['a.png'][1]).any()
    assert read_boxes(str(coco))['c.png'].shape == (0, 4)  # without a face


def test_boxes_from_a_file_of_errors(tmp_path: Path) -> None:
    path = tmp_path / 'errors.csv'
    path.write_text('id,img_path,x1,y1,x2,y2,subsets\n7,a.png,1,2,3,4,\n')
    assert read_boxes(str(path))['a.png'].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('b.csv', 'file,x1,y1,x2\na,1,2,3\n', "no column 'y2'"),
        ('b.csv', 'x1,y1,x2,y2\n1,2,3,4\n', "no column 'file'"),
        ('b.csv', 'file,x1,y1,x2,y2\na,1,2,3,4\na,1,x,3,4\n', 'line 3: .*x'),
        ('b.csv', 'file,x1,y1,x2,y2\na,1,2,3\n', 'line 2'),
        ('b.csv', '', "no column 'file'"),
        ('b.json', '{"images": [', 'give a COCO json'),
        ('b.json', '{"images": []}', "there is no 'annotations'"),
        ('b.json', '[]', 'give a COCO json'),
        ('b.txt', '', 'neither in .json nor'),
    ],
)
def test_files_without_boxes(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_boxes(str(path))


def test_names_are_the_ends_of_paths() -> None:
    paths = ['p/a/1.png', 'p/b/1.png', '../x.png', 'p/11.png']
    names = ['a/1.png', './b/1.png', '../x.png', '1.png']
    assert match_names(names, paths) == {
        'p/a/1.png': 'a/1.png',
        'p/b/1.png': './b/1.png',
        '../x.png': '../x.png',
    }
    whole = os.path.abspath('p/a/1.png')
    assert match_names([whole], ['p/a/1.png']) == {'p/a/1.png': whole}
    with pytest.raises(ValueError, match="'1.png' matches 'p/a/1.png'"):
        match_names(['1.png'], paths)
    boxes = boxes_of(['p/a.png', 'c.png'], {'a.png': np.zeros((2, 4))})
    assert boxes[0].shape == (2, 4) and boxes[1] is None


# ------------------------------------------------------------- predictions


def result(names: tuple = ('a.png', 'b.png')) -> Result:
    """Return three faces of two keypoints; the second face failed."""
    keypoints = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    keypoints[1] = np.nan
    covariance = np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2)
    return Result(
        keypoints=keypoints,
        confidence=np.float32([[0.5, 1], [0, 0], [0.25, 0.75]]),
        covariance=covariance,
        boxes=np.array([(0, 0, 4, 5), (9, 9, 1, 1), (1, 2, 3, 4)], float),
        image_index=np.array([0, 0, 1]),
        images=tuple(SourceImage(name, (10, 20)) for name in names),
        names=('left', 'right'),
        failures=(Failure(0, 1, 'an empty box'),),
        timing={},
    )


@pytest.mark.parametrize('name', ['out.json', 'out.csv'])
def test_predictions_round_trip(tmp_path: Path, name: str) -> None:
    path = tmp_path / 'new' / name
    with PredictionFile(str(path)) as file:
        file.add(result())
        file.add(result(('é\udcff.png', 'd.png')))  # not valid UTF-8
        file.fail('e.png', 'broken')
    assert (file.images, file.faces, file.failures) == (4, 4, 3)
    assert os.listdir(path.parent) == [name]
    faces = read_predictions(file.path)
    assert [face.file for face in faces] == [
        *('a.png', 'b.png', 'é\udcff.png', 'd.png')
    ]
    for face, row in zip(faces, (0, 2, 0, 2), strict=True):
        np.testing.assert_array_equal(face.keypoints, result().keypoints[row])


def test_predictions_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / 'other.csv'
    path.write_text('x,y,face,file\n1,2,0,a\n3,4,0,a\n5,6,1,a\n7,8,1,a\n')
    first, second = read_predictions(str(path))
    assert first.keypoints.tolist() == [[1, 2], [3, 4]]
    assert second.keypoints.tolist() == [[5, 6], [7, 8]]


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('p.csv', 'x,y,face\n1,2,0\n', "there is no 'file'"),
        ('p.csv', 'x,y,face,file\n1,,0,a\n', 'line 2'),
        ('p.csv', 'x,y,face,file\n1,2,0,a\n1,2,0,a\n1,2,1,a\n', r'\[1, 2\]'),
        ('p.json', '{', 'rcn-mmpose predict'),
    ],
)
def test_files_without_predictions(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_predictions(str(path))


def test_predictions_need_a_file_name(tmp_path: Path) -> None:
    (tmp_path / 'a.json').mkdir()
    for path in (tmp_path / 'a.json', tmp_path / 'a.txt'):
        with pytest.raises(ValueError, match='ends in .json or'):
            PredictionFile(str(path))


# ----------------------------------------------------------------- summary


def test_failures_are_grouped_by_reason() -> None:
    groups = FailureGroups()
    for i in range(7):
        groups.add(f'{i}.png', f"'{i}.png' (7 of {i}.5 bytes) is cut short")
        if i == 2:
            groups.add('b.png', "the box '1.5, nan' is not finite", 3)
    # A name or number that differs within the group belongs to one image only.
    assert groups.lines() == [
        '  7 x ... (7 of ... bytes) is cut short',
        '      0.png, 1.png, 2.png, 3.png, 4.png and 2 more',
        "  1 x the box '1.5, nan' is not finite",
        '      b.png (face 3)',
    ]
