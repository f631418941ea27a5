from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

PARTS = ('mtfl_train', 'mtfl_val', 'aflw5_test')


def load(data: Path) -> dict[str, dict]:
    return {
        name: json.loads((data / 'annotations' / f'{name}.json').read_text())
        for name in PARTS
    }


def test_every_face_is_converted_once(converted: Path) -> None:
    parts = load(converted)
    names = {
        part: [image['file_name'] for image in content['images']]
        for part, content in parts.items()
    }
    assert [len(names[p]) for p in PARTS] == [12, 4, 4]
    everything = sorted(names['mtfl_train'] + names['mtfl_val'])
    assert everything == [f'lfw_5590/face_{i:03d}.png' for i in range(16)]
    assert names['aflw5_test'] == [f'AFLW/face_{i:03d}.png' for i in range(4)]
    for part in PARTS:
        assert names[part] == sorted(names[part])
        assert parts[part]['info']['faces_listed'] == len(names[part])


def test_numbers_equal_those_of_the_text_file(converted: Path, mtfl: Path) -> None:
    line = next(
        line.split()
        for line in (mtfl / 'testing.txt').read_text().splitlines()
        if 'face_003' in line
    )
    x, y = np.array(line[1:11], float).reshape(2, 5)
    content = load(converted)['aflw5_test']
    face = content['annotations'][3]
    points = np.array(face['keypoints']).reshape(5, 3)
    np.testing.assert_allclose(points[:, 0], x, atol=1e-4)
    np.testing.assert_allclose(points[:, 1], y, atol=1e-4)
    assert (points[:, 2] == 2).all()
    assert face['attributes'] == dict(gender=1, smile=2, glasses=2, pose=3)
    image = content['images'][3]
    assert (image['width'], image['height']) == (120, 120)
    # The paper's rule; these boxes may touch the border of the image.
    corners = np.array([(x[i], y[i]) for i in (0, 1, 3, 4)])
    eyes, mouth = corners[:2], corners[2:]
    reach = max(
        np.hypot(*(eyes[0] - eyes[1])),
        np.hypot(*(eyes.mean(0) - mouth.mean(0))),
    )
    side = min(np.ptp(corners, 0).max() + 1.9 * reach, 120)
    left, top, width, height = face['bbox']
    assert width == pytest.approx(side, abs=1e-3)
    assert height == pytest.approx(side, abs=1e-3)
    assert left >= 0 and top >= 0
    assert left + width <= 120.001 and top + height <= 120.001


def test_near_duplicates_are_in_the_same_split(converted: Path) -> None:
    for name in ('mtfl_train', 'mtfl_val'):
        found = {image['file_name'] for image in load(converted)[name]['images']}
        pair = {'lfw_5590/face_000.png', 'lfw_5590/face_001.png'}
        assert len(pair & found) in (0, 2)


def test_order_of_the_list_does_not_matter(
    converted: Path, mtfl: Path, mtfl2coco: ModuleType
) -> None:
    before = {n: (converted / f'annotations/{n}.json').read_bytes() for n in PARTS}
    path = mtfl / 'training.txt'
    lines = [x for x in path.read_text().splitlines() if x.strip()]
    path.write_text('\n'.join(sorted(lines)))
    out = converted / 'again'
    mtfl2coco.main([str(mtfl), '--out', str(out), '--validation', '4'])
    for name in PARTS:
        assert (out / f'{name}.json').read_bytes() == before[name]


def test_another_seed_gives_another_split(
    converted: Path, mtfl: Path, mtfl2coco: ModuleType
) -> None:
    out = converted / 'again'
    mtfl2coco.main([str(mtfl), '--out', str(out), '--validation', '4', '--seed', '1'])
    path = 'mtfl_val.json'
    assert (out / path).read_text() != (converted / 'annotations' / path).read_text()


def break_line(mtfl: Path, number: int, old: str, new: str) -> None:
    """Replace text in one line (from 1) of training.txt."""
    path = mtfl / 'training.txt'
    lines = path.read_text().splitlines()
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new)
    path.write_text('\n'.join(lines))


def test_truncated_line(mtfl: Path, mtfl2coco: ModuleType) -> None:
    break_line(mtfl, 5, ' 1 2 2 3', '')
    with pytest.raises(ValueError, match=r'line 5: 11 fields instead of 15'):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out')])
    assert not (mtfl / 'out').exists()


def test_a_field_that_is_not_a_number(mtfl: Path, mtfl2coco: ModuleType) -> None:
    break_line(mtfl, 2, ' 1 2 2 3', ' 1 x 2 3')
    with pytest.raises(ValueError, match=r"line 2: .*'x'"):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out')])


def test_keypoint_outside_its_image(mtfl: Path, mtfl2coco: ModuleType) -> None:
    path = mtfl / 'training.txt'
    lines = path.read_text().splitlines()
    fields = lines[6].split()
    fields[3] = '130.5'  # x of the nose tip; images are 120 wide
    lines[6] = ' '.join(fields)
    path.write_text('\n'.join(lines))
    with pytest.raises(ValueError, match=r'line 7, .*nose_tip at \[130.5, .*120x120'):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out')])


def test_image_listed_twice(mtfl: Path, mtfl2coco: ModuleType) -> None:
    break_line(mtfl, 3, 'face_013', 'face_012')
    with pytest.raises(ValueError, match='face_012.png: .*listed twice'):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out')])


def test_corrupt_image(mtfl: Path, mtfl2coco: ModuleType) -> None:
    image = mtfl / 'lfw_5590' / 'face_004.png'
    image.write_bytes(image.read_bytes()[:100])
    with pytest.raises(ValueError, match='face_004.png.*corrupt or cut short'):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out')])


def test_wrong_folder(tmp_path: Path, mtfl2coco: ModuleType) -> None:
    with pytest.raises(FileNotFoundError, match='training.txt does not exist'):
        mtfl2coco.main([str(tmp_path)])


def test_impossible_split(mtfl: Path, mtfl2coco: ModuleType) -> None:
    with pytest.raises(ValueError, match='put aside 16 of 16'):
        mtfl2coco.main([str(mtfl), '--out', str(mtfl / 'out'), '--validation', '16'])


def test_a_list_that_was_edited(mtfl: Path, mtfl2coco: ModuleType) -> None:
    """A byte order mark, and a name with blanks, brackets and a percent sign."""
    before = mtfl2coco.read_list(str(mtfl / 'training.txt'))
    path = mtfl / 'training.txt'
    text = path.read_text().replace('face_003.png', 'face 100 % [3].png')
    path.write_bytes(b'\xef\xbb\xbf' + text.encode())
    (mtfl / 'lfw_5590/face_003.png').rename(mtfl / 'lfw_5590/face 100 % [3].png')
    after = mtfl2coco.read_list(str(path))
    assert len(after) == len(before)
    names = [entry[0] for entry in after]
    assert 'lfw_5590/face 100 % [3].png' in names
    faces, _ = mtfl2coco.read_faces(str(mtfl), 'training.txt')
    assert len(faces) == 16
