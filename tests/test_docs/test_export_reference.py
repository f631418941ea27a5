"""The reference of docs/export.md in plain NumPy cuts the crops of the predictor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.geometry.boxes import box_from_detection, box_from_extent
from rcn_mmpose.image.crop import to_grey
from rcn_mmpose.inference import export, quantize
from rcn_mmpose.synthetic import render_face

pytest.importorskip('onnxruntime')
PAGE = Path(__file__).parents[2] / 'docs' / 'export.md'


@pytest.fixture(scope='module')
def reference() -> dict:
    """The functions of the page."""
    text = PAGE.read_text(encoding='utf-8')
    blocks = re.findall(r'^```python\n(.*?)^```', text, re.DOTALL | re.MULTILINE)
    (code,) = (block for block in blocks if 'def crop_of' in block)
    names: dict = {}
    exec(code, names)
    assert not any(word in code for word in ('rcn_mmpose', 'cv2'))
    return names


def odd_boxes(keypoints: np.ndarray) -> np.ndarray:
    """Boxes of a face: the training's, smaller, larger and moved ones."""
    x1, y1, x2, _ = box_from_extent(keypoints)
    side = x2 - x1
    changes = ((0, 0, 1), (-0.1, 0.13, 1), (0.07, -0.1, 0.9), (-0.2, -0.15, 1.3))
    corners = np.array([(x1 + x * side, y1 + y * side) for x, y, _ in changes])
    sides = np.array([[side * zoom] for _, _, zoom in changes])
    return np.hstack((corners, corners + sides))


@pytest.mark.parametrize('name', ['rcn-5', 'rcn-68'])
def test_keypoints_of_its_crops(name: str, reference: dict) -> None:
    """Faces of 60 to 500 pixels, in images that are cut at the face."""
    model = load_model(name)
    size = model.info.input_size[0]
    for seed, side in enumerate((60, 97, 131, 160, 240, 333, 500)):
        face = render_face(seed, size=side, pose=(0.0, 0.0, 0.0), plain=True)
        boxes = odd_boxes(face.keypoints)
        # Cut through the face, so that squares leave the image on two sides.
        cut = int(side * 0.15)
        image = np.ascontiguousarray(face.image[cut : side - cut // 2, cut:])
        boxes -= cut
        grey = reference['grey_of'](image)
        np.testing.assert_array_equal(grey, to_grey(image))
        crops = []
        for box in boxes:
            centre, length = reference['square_of'](box, **model.info.box_rule)
            crops.append(reference['crop_of'](grey, centre, length, size))
        expected = model.crop(image, boxes)
        apart = np.abs(np.stack(crops).astype(int) - expected)
        assert apart.max() <= 1 and (apart > 0).mean() < 0.01
        moved = np.linalg.norm(
            model.predict_crops(np.stack(crops))[0] - model.predict_crops(expected)[0],
            axis=-1,
        )
        assert moved.max() < 0.01


def test_a_detectors_box(reference: dict) -> None:
    box = [10.5, 20.25, 60.0, 81.5]
    rule = dict(scale=1.2, shift=0.1, sideways=-0.05)
    centre, side = reference['square_of'](box, 'detection', **rule)
    square = box_from_detection(np.array(box), **rule)
    np.testing.assert_allclose(centre, (square[:2] + square[2:]) / 2, atol=1e-4)
    assert side == pytest.approx(square[2] - square[0])


def test_the_files_describe_the_interface(tmp_path: Path) -> None:
    onnx = pytest.importorskip('onnx')
    model = load_model('rcn-5', runtime='torch')
    export(model, tmp_path / 'a.onnx')
    crops = np.random.default_rng(0).integers(0, 256, (2, 80, 80), dtype=np.uint8)
    quantize(tmp_path / 'a.onnx', tmp_path / 'b.onnx', crops)
    for stem in 'ab':
        said = json.loads((tmp_path / f'{stem}.json').read_text(encoding='utf-8'))
        graph = onnx.load(str(tmp_path / f'{stem}.onnx'))
        texts = {entry.key: entry.value for entry in graph.metadata_props}
        for key in ('input', 'outputs', 'preprocessing', 'box_rule', 'keypoints'):
            assert json.loads(texts[key]) == said[key]
        assert [x['name'] for x in said['outputs']] == [
            o.name for o in graph.graph.output
        ]
        assert said['outputs'][0]['shape'] == ['faces', 5, 2]
        assert said['preprocessing']['border'] == 0
        assert said['training_boxes']['haar'] == dict(scale=1.209, shift=0.088)
