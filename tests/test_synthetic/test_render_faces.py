"""tools/render_faces.py: files, resuming, workers, errors."""

import json

import cv2
import numpy as np
import pytest
from conftest import load_tool

from rcn_mmpose.synthetic import face_set, render_face

render_faces = load_tool('render_faces.py')

COUNTS = ['--train', '5', '--val', '2', '--test', '1', '--size', '64']


def _run(folder, *more):
    render_faces.main(['--out', str(folder), *COUNTS, *more])


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


@pytest.fixture(scope='module', autouse=True)
def _small_parts():
    before, face_set.PART = face_set.PART, 2
    yield
    face_set.PART = before


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('set')
    _run(folder)
    return folder


def test_files(made) -> None:
    images = sorted(p.name for p in (made / 'images/train').iterdir())
    assert images == [f'{k:06d}.jpg' for k in range(5)]
    assert len(list((made / 'images/val').iterdir())) == 2
    names = sorted(p.name for p in (made / 'annotations').iterdir())
    assert names == [
        f'{split}_{points}.json'
        for split in ('test', 'train', 'val')
        for points in (5, 68)
    ]
    assert not list(made.rglob('*.tmp'))


@pytest.mark.parametrize('points', [5, 68])
def test_annotations(made, points) -> None:
    path = made / f'annotations/train_{points}.json'
    content = json.loads(path.read_text())
    assert len(content['images']) == len(content['annotations']) == 5
    assert len(content['categories'][0]['keypoints']) == points
    for k, (image, face) in enumerate(
        zip(content['images'], content['annotations'], strict=True)
    ):
        assert (image['width'], image['height']) == (64, 64)
        expected = render_face(face_set.seed_of(0, 'train', k), 64)
        keypoints = expected.five if points == 5 else expected.keypoints
        seen = expected.five_visible if points == 5 else expected.visible
        triples = np.array(face['keypoints']).reshape(points, 3)
        np.testing.assert_allclose(triples[:, :2], keypoints, atol=1e-3)
        assert (triples[:, 2] == 1 + seen).all()
        assert face['num_keypoints'] == points
        assert {'yaw', 'pitch', 'roll'} <= set(face['attributes'])
        image = cv2.imread(str(made / 'images/train' / image['file_name']))
        assert (image == expected.image).all()


def test_splits_and_seeds_differ() -> None:
    seeds = [(0, 'train', 0), (0, 'val', 0), (0, 'train', 1), (1, 'train', 0)]
    images = {render_face(face_set.seed_of(*seed), 64).jpeg for seed in seeds}
    assert len(images) == 4


def test_a_larger_dataset_begins_with_the_same_faces(made, tmp_path) -> None:
    render_faces.main(
        ['--out', str(tmp_path), '--train', '3', '--val', '0', '--test', '0']
        + ['--size', '64']
    )
    for k in range(3):
        name = f'images/train/{k:06d}.jpg'
        assert (made / name).read_bytes() == (tmp_path / name).read_bytes()


def test_resumes(made, capsys) -> None:
    before = _files(made)
    images = made / 'images/train'
    (images / '000000.jpg').unlink()
    whole = (images / '000003.jpg').read_bytes()
    (images / '000003.jpg').write_bytes(whole[: len(whole) // 2])
    (made / 'annotations/train_5.json').unlink()
    (images / 'killed.tmp').write_bytes(whole[:9])
    capsys.readouterr()
    _run(made)
    assert '2 faces rendered, 6 already existed' in capsys.readouterr().out
    assert _files(made) == before


def test_resumes_after_a_lost_or_broken_record(made, capsys) -> None:
    before = _files(made)
    records = sorted((made / 'records').iterdir())
    records[0].unlink()
    records[1].write_bytes(records[1].read_bytes()[:40])
    _run(made)
    assert _files(made) == before


def test_another_seed_replaces_the_images(made, tmp_path, capsys) -> None:
    _run(tmp_path, '--seed', '1')
    assert _files(tmp_path) != _files(made)
    _run(tmp_path)
    assert '8 faces rendered' in capsys.readouterr().out
    assert _files(tmp_path) == _files(made)


def test_workers_do_not_change_the_files(made, tmp_path) -> None:
    render_faces.main(['--out', str(tmp_path), *COUNTS, '--workers', '2'])
    images = [k for k in _files(made) if k.startswith('images')]
    assert images
    for name in images + ['annotations/train_68.json']:
        assert (made / name).read_bytes() == (tmp_path / name).read_bytes()


def test_sheet(tmp_path) -> None:
    path = tmp_path / 'new' / 'sheet.png'
    render_faces.main(['--sheet', str(path), '--sheet-faces', '9', '--size', '64'])
    # A legend of two lines; three rows of four, two pixels apart.
    assert cv2.imread(str(path)).shape == (2 * 27 + 196, 262, 3)


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ([], '--out FOLDER'),
        (['--out', 'x', '--train', '-1'], '--train must be 0 or more'),
        (['--out', 'x', '--train', '0', '--val', '0', '--test', '0'], 'all 0'),
        (['--out', 'x', '--workers', '0'], '--workers must be 1 or more'),
        (['--out', 'x', '--size', '8'], '--size must be 32 or more'),
        (['--out', 'x', '--seed', '-1'], '--seed must be 0 or more'),
        (['--sheet', 'x.txt'], '.png or .jpg'),
        (['--out', __file__], 'not a folder'),
    ],
)
def test_errors(args, message, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        render_faces.main(args)
    assert stop.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in last


def test_a_folder_that_is_not_writable(tmp_path) -> None:
    (tmp_path / 'images').write_text('a file')
    with pytest.raises(NotADirectoryError, match='images/train'):
        _run(tmp_path)


@pytest.mark.parametrize('points', [5, 68])
def test_flip_pairs_mirror_a_symmetric_face(made, points) -> None:
    path = made / f'annotations/train_{points}.json'
    category = json.loads(path.read_text())['categories'][0]
    pairs = np.array(category['flip_pairs'])
    assert len(np.unique(pairs)) == pairs.size
    order = np.arange(points)
    order[pairs], order[pairs[:, ::-1]] = pairs[:, ::-1], pairs
    face = render_face(0, 64, pose=(0, 0, 0), plain=True)
    keypoints = face.five if points == 5 else face.keypoints
    mirrored = keypoints[order] * (-1, 1) + (2 * face.five[2, 0], 0)
    np.testing.assert_allclose(mirrored, keypoints, atol=0.02)
    for eye, centre in zip(category['eyes'], face.five[:2], strict=True):
        # With 68 keypoints: the midpoint of the corners, near the mean of all six.
        np.testing.assert_allclose(keypoints[eye].mean(0), centre, atol=0.6)


def test_an_interrupted_part_is_not_lost(tmp_path, monkeypatch) -> None:
    part = face_set.Part(str(tmp_path), 'train', 0, 3, 0, 64)
    real = face_set.render_face

    def interrupted(seed, size):
        if seed.spawn_key[-1] == 2:
            raise KeyboardInterrupt
        return real(seed, size)

    monkeypatch.setattr(face_set, 'render_face', interrupted)
    with pytest.raises(KeyboardInterrupt):
        face_set.make_part(part)
    monkeypatch.setattr(face_set, 'render_face', real)
    assert face_set.make_part(part) == 1
    assert face_set.make_part(part) == 0
