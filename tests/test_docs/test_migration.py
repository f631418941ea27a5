"""docs/migration.md: its code runs, and its points are the right ones.

The other packages are replaced by stand-ins with their interfaces, whose
points are those of a synthetic face.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.detect.haar import HaarDetector
from rcn_mmpose.geometry.keypoints import RELATIONS_68, five_from_68
from rcn_mmpose.synthetic import SyntheticFace, render_face

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'migration.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE)


def block(part: str) -> str:
    """The one block of the page with this in it."""
    (found,) = (text for text in BLOCKS if part in text)
    return found


def points_of_mediapipe() -> dict[str, list[int]]:
    names: dict = {}
    exec(block('FIVE_OF_478 ='), names)
    return names


@pytest.fixture(scope='module')
def face() -> SyntheticFace:
    return render_face(0, size=320, pose=(0.0, 0.0, 0.0), plain=True)


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of five keypoints, without its ending."""
    path = ROOT / 'tests' / 'test_inference' / 'small_model.py'
    spec = importlib.util.spec_from_file_location('small_for_pages', path)
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    model = tmp_path_factory.mktemp('migration') / 'small'
    checkpoint = model.with_suffix('.pth')
    small.write_checkpoint(checkpoint, small.config(), small.build())
    target = str(model.with_suffix('.onnx'))
    assert main(['export', '--model', str(checkpoint), target]) == 0
    return model


@pytest.fixture
def names(
    face: SyntheticFace,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict:
    """What the first block leaves, in a folder with image and models."""
    monkeypatch.chdir(tmp_path)
    for ending in ('.onnx', '.json'):
        for name in ('rcn_aflw', 'rcn_300w'):
            shutil.copy(exported.with_suffix(ending), f'{name}{ending}')
    cv2.imwrite('photo.png', face.image)
    names: dict = {}
    exec(block("imread('photo.png')"), names)
    return names


class Rectangle:
    """As dlib's: whole pixels, of which the last belong to it."""

    def __init__(self, *sides: int) -> None:
        self.sides = sides

    def left(self) -> int:
        return self.sides[0]

    def top(self) -> int:
        return self.sides[1]

    def right(self) -> int:
        return self.sides[2]

    def bottom(self) -> int:
        return self.sides[3]


@pytest.fixture
def dlib(face: SyntheticFace, monkeypatch: pytest.MonkeyPatch) -> Rectangle:
    """Stands in for dlib; returns what its detector finds."""
    rectangle = Rectangle(80, 90, 239, 249)
    parts = [SimpleNamespace(x=round(x), y=round(y)) for x, y in face.keypoints]
    module = ModuleType('dlib')
    module.get_frontal_face_detector = lambda: lambda rgb, times: [rectangle]
    shape = SimpleNamespace(parts=lambda: parts)
    module.shape_predictor = lambda path: lambda rgb, where: shape
    monkeypatch.setitem(sys.modules, 'dlib', module)
    return rectangle


def test_dlib(names: dict, face: SyntheticFace, dlib: Rectangle) -> None:
    exec(block('import dlib'), names)
    np.testing.assert_allclose(names['points'][0], face.keypoints, atol=0.5)
    exec(block('def boxes_of'), names)
    # 160 columns from 80 to 239, between the edges of the first and the last
    box = (79.5, 89.5, 239.5, 249.5)
    assert names['boxes_of']([dlib]) == [box]
    assert names['points'].shape == (1, 5, 2)
    # 1.337 times the side, its centre 0.066 sides lower
    centre, side = names['model'].info.square(np.array(box))
    assert side == pytest.approx(1.337 * 160, rel=1e-6)
    np.testing.assert_allclose(centre, (159.5, 169.5 + 0.066 * 160), rtol=1e-6)


@pytest.fixture
def mediapipe(face: SyntheticFace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for MediaPipe: places are parts of the sides."""
    chosen = points_of_mediapipe()
    places = np.zeros((478, 2))
    places[chosen['OF_478']] = face.keypoints
    places[chosen['FIVE_OF_478']] = face.five
    # 4, 61 and 291 belong to both
    places = (places + 0.5) / 320
    landmarks = [SimpleNamespace(x=x, y=y) for x, y in places]
    found = [SimpleNamespace(landmark=landmarks)]
    mesh = SimpleNamespace(
        process=lambda rgb: SimpleNamespace(multi_face_landmarks=found)
    )
    solutions = SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=lambda **_: mesh))
    module = ModuleType('mediapipe')
    module.solutions = solutions
    monkeypatch.setitem(sys.modules, 'mediapipe', module)


@pytest.mark.usefixtures('mediapipe')
def test_mediapipe(names: dict, face: SyntheticFace) -> None:
    for part in ('FIVE_OF_478 =', 'import mediapipe', 'HaarDetector'):
        if part == 'HaarDetector':
            np.testing.assert_allclose(names['five'], [face.five])
            np.testing.assert_allclose(names['sixty_eight'], [face.keypoints])
        exec(block(part), names)
    assert names['five'].shape == (1, 5, 2)
    assert names['confidence'].shape == (1, 5)


def test_the_points_of_mediapipe_are_mirror_images() -> None:
    """Pairs of the 68 are pairs of the mesh, whose numbers are known."""
    chosen = points_of_mediapipe()
    numbers = chosen['OF_478']
    assert len(numbers) == len(set(numbers)) == 68
    five = five_from_68(np.repeat(np.array(numbers, float)[:, None], 2, 1))
    assert five[2:, 0].tolist() == chosen['FIVE_OF_478'][2:] == [4, 61, 291]
    # the mesh's own: left and right of the image
    mesh = {
        **{127: 356, 234: 454, 132: 361, 58: 288, 172: 397, 136: 365},
        **{149: 378, 148: 377, 70: 300, 63: 293, 105: 334, 66: 296},
        **{107: 336, 75: 305, 97: 326, 33: 263, 160: 387, 158: 385},
        **{133: 362, 153: 380, 144: 373, 61: 291, 39: 269, 37: 267},
        **{181: 405, 84: 314, 78: 308, 82: 312, 87: 317},
    }
    flips = RELATIONS_68['flip_pairs']
    pairs = {frozenset((numbers[a], numbers[b])) for a, b in flips}
    assert pairs == set(map(frozenset, mesh.items()))


def test_mtcnn(
    names: dict, face: SyntheticFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = np.array([[80.0, 90.0, 240.0, 250.0]])

    class MTCNN:
        def __init__(self, keep_all: bool) -> None:
            pass

        def detect(self, rgb: np.ndarray, landmarks: bool) -> tuple:
            return boxes, np.ones(1), face.five[None]

    module = ModuleType('facenet_pytorch')
    module.MTCNN = MTCNN
    monkeypatch.setitem(sys.modules, 'facenet_pytorch', module)
    exec(block('facenet_pytorch import'), names)
    np.testing.assert_array_equal(names['points'][0], face.five)
    exec(block("box_rule=dict(rule='detection'))"), names)
    assert names['points'].shape == (1, 5, 2)


@pytest.fixture
def annotations(face: SyntheticFace, names: dict) -> Iterator[Path]:
    """A face, annotated where the page expects 300W's."""
    folder = Path('data/annotations')
    folder.mkdir(parents=True)
    shutil.copytree('.', 'data/300w', ignore=lambda *_: ['data'])
    (x1, y1, x2, y2) = HaarDetector()(face.image)[0].tolist()
    flags = np.full((5, 1), 2.0)
    content = dict(
        images=[dict(id=1, file_name='photo.png', width=320, height=320)],
        annotations=[
            dict(
                id=1,
                image_id=1,
                category_id=1,
                bbox=[x1, y1, x2 - x1, y2 - y1],
                keypoints=np.hstack((face.five, flags)).ravel().tolist(),
            )
        ],
        categories=[dict(id=1, name='face')],
    )
    path = folder / '300w_val.json'
    path.write_text(json.dumps(content))
    yield path


@pytest.mark.usefixtures('mediapipe')
def test_comparing(
    names: dict,
    face: SyntheticFace,
    annotations: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    exec(block('def write_points'), names)
    with open('ours.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['file'], row['face']) for row in rows] == [('photo.png', '0')] * 5
    (command,) = re.findall(r'^```sh\nrcn-mmpose (.*?)\n```', PAGE, re.M)
    assert main(command.split()) == 0
    said = capsys.readouterr().out
    assert said.startswith('1 of 1 faces have a prediction, 0 missed')
    # the other block: a peer that looks for the face by itself
    for part in ('FIVE_OF_478 =', 'import mediapipe', 'def mediapipe_68'):
        exec(block(part), names)
    image, box = cv2.imread('photo.png'), np.array((40.0, 40, 280, 280))
    points = names['mediapipe_68'](image, box)
    np.testing.assert_allclose(points, face.keypoints)
