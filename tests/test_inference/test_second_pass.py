from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.geometry.keypoints import FIVE_NAMES, NAMES_68
from rcn_mmpose.image.crop import crop_square
from rcn_mmpose.inference import ModelInfo, Predictor, SecondPass, export
from rcn_mmpose.inference.second_pass import (
    merge,
    predict_again,
)
from rcn_mmpose.lab.calibration.second_pass_fit import main, measure

from .small_model import NAMES, random_crops

RNG = np.random.default_rng(0)
EYES = ((0,), (1,))
LEVEL = np.array([(40, 40), (60, 40), (50, 50), (42, 62), (58, 62)], float)
IMAGE = random_crops(1, side=90)[0]
BOXES = [[10, 10, 70, 70], [20, 15, 80, 75]]


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate (x, y) about (0, 0), clockwise as seen in the image."""
    angle = np.radians(degrees)
    x, y = points[..., 0], points[..., 1]
    return np.stack(
        (
            np.cos(angle) * x - np.sin(angle) * y,
            np.sin(angle) * x + np.cos(angle) * y,
        ),
        -1,
    )


# ---------------------------------------------------------------- squares


@pytest.mark.parametrize('degrees', [0, 90, -90, 33.3, 179])
def test_squares_by_hand(degrees: float) -> None:
    """The extent of LEVEL is 20 x 22 pixels with the centre (50, 51)."""
    second = SecondPass(EYES, scale=3, shift=0.25)
    squares = second.squares(turned(LEVEL, degrees)[None])
    np.testing.assert_allclose(squares.side, [66])
    np.testing.assert_allclose(squares.rotation, [degrees], atol=1e-9)
    expected = turned(np.array([50, 51 + 0.25 * 22]), degrees)
    np.testing.assert_allclose(squares.centre[0], expected, atol=1e-9)


def test_squares_that_stay_upright() -> None:
    points = turned(LEVEL, 90)  # x from -62 to -40, y from 40 to 60
    squares = SecondPass(EYES, 2, turn=False).squares(points[None])
    np.testing.assert_allclose(squares.centre, [[-51, 50]])
    np.testing.assert_allclose(squares.side, [44])
    assert squares.rotation[0] == 0


def test_known_second_passes() -> None:
    assert SecondPass.known(FIVE_NAMES).eyes == [[0], [1]]
    assert SecondPass.known(NAMES_68).eyes == [[36, 39], [42, 45]]
    with pytest.raises(ValueError, match=r'left.*\(5\); give second_pass='):
        SecondPass.known(NAMES)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ((((0,),), 1.0), 'two groups'),
        ((((0,), ()), 1.0), 'two groups'),
        ((EYES, 0.0), 'scale=0.0'),
        ((EYES, np.nan), 'scale=nan'),
        ((EYES, 1.0, np.inf), 'shift=inf'),
    ],
)
def test_invalid_values(values: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SecondPass(*values)


# ---------------------------------------------------------------- merging


def test_two_predictions_become_one() -> None:
    """With variances of 1 and 3, the first prediction has the weight 3/4."""
    first = (
        np.array([[[4.0, 8.0]]]),
        np.array([[0.8]]),
        np.diag([0.5, 0.5])[None, None],
    )
    second = (
        np.array([[[8.0, 4.0]]]),
        np.array([[0.4]]),
        np.diag([1.0, 2.0])[None, None],
    )
    points, confidence, covariance = merge(first, second)
    np.testing.assert_allclose(points, [[[5, 7]]])
    np.testing.assert_allclose(confidence, [[0.7]])
    # The merged point lies at (1, -1) from the first and (-3, 3) from the second.
    expected = 0.75 * (np.diag([0.5, 0.5]) + [[1, -1], [-1, 1]])
    expected += 0.25 * (np.diag([1, 2]) + 9 * np.array([[1, -1], [-1, 1]]))
    np.testing.assert_allclose(covariance[0, 0], expected)


def test_merged_covariance_equals_that_of_samples() -> None:
    """The merged covariance is that of weighted samples of both predictions."""
    sets = [RNG.normal((3, 5), (1, 2), (900, 2)), RNG.normal(4, 2, (900, 2))]
    parts = [
        (
            s.mean(0)[None, None],
            np.ones((1, 1)),
            np.cov(s.T, bias=True)[None, None],
        )
        for s in sets
    ]
    points, _, covariance = merge(*parts)
    traces = [np.trace(p[2][0, 0]) for p in parts]
    share = traces[1] / sum(traces)
    weights = np.repeat([share, 1 - share], 900)
    whole = np.concatenate(sets)
    mean = np.average(whole, axis=0, weights=weights)
    np.testing.assert_allclose(points[0, 0], mean)
    expected = np.cov(whole.T, aweights=weights, bias=True)
    np.testing.assert_allclose(covariance[0, 0], expected)


def test_no_variance_at_all() -> None:
    none = np.zeros((1, 1, 2, 2))
    first = (np.array([[[1.0, 2.0]]]), np.array([[1.0]]), none)
    second = (np.array([[[3.0, 2.0]]]), np.array([[0.5]]), none)
    points, confidence, covariance = merge(first, second)
    assert points.tolist() == [[[2, 2]]] and confidence.tolist() == [[0.75]]
    assert covariance.tolist() == [[[[1, 0], [0, 0]]]]


# ---------------------------------------------------------------- fitting


def faces(count: int, scale: float, shift: float) -> tuple:
    """Return rotated faces, and their boxes by a known rule."""
    points, boxes = [], []
    for _ in range(count):
        degrees = RNG.uniform(-40, 40)
        face = LEVEL * RNG.uniform(0.5, 3) + RNG.uniform(-9, 99, 2)
        face[2:] += RNG.uniform(-2, 2, (3, 2))  # the eyes stay horizontal
        low, high = face.min(0), face.max(0)
        longer = (high - low).max()
        middle = turned((low + high) / 2 + (0, shift * longer), degrees)
        half = scale * longer / 2
        points.append(turned(face, degrees))
        boxes.append(np.concatenate((middle - half, middle + half)))
    return np.array(points), np.array(boxes)


def test_a_known_rule_is_recovered() -> None:
    points, boxes = faces(50, 2.5, 0.125)
    found, spread = measure(points, boxes, EYES)
    assert found.eyes == EYES
    assert found.scale == pytest.approx(2.5)
    assert found.shift == pytest.approx(0.125)
    assert spread['scale'] == pytest.approx((2.5, 2.5))
    points[3] = 7
    with pytest.raises(ValueError, match='50 faces, of which 1 have'):
        measure(points, boxes, EYES)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    points, boxes = faces(9, 2.0, 0.25)
    boxes[:, 2:] -= boxes[:, :2]
    flags = np.full((9, 5, 1), 2.0)
    content = dict(
        images=[dict(id=1, file_name='a.png')],
        annotations=[
            dict(image_id=1, bbox=b.tolist(), keypoints=p.ravel().tolist())
            for b, p in zip(boxes, np.dstack((points, flags)), strict=True)
        ],
        categories=[dict(keypoints=list('abcde'), eyes=EYES)],
    )
    content['annotations'][0]['keypoints'][2] = 0  # not labelled
    path = tmp_path / 'own.json'
    path.write_text(json.dumps(content))
    main([str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '8 of 9 faces, all keypoints labelled'
    assert lines[1] == 'scale 2.000 (8 of 10: 2.000 to 2.000)'
    assert lines[2] == 'shift 0.250 (8 of 10: 0.250 to 0.250)'
    del content['categories'][0]['eyes']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='no "eyes"'):
        main([str(path)])


# ------------------------------------------------------------- prediction


@pytest.fixture(scope='module', params=['torch', 'onnx'])
def model(
    request: pytest.FixtureRequest,
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Predictor:
    options = dict(passes=2, second_pass=SecondPass(EYES, 2.0, 0.1))
    if request.param == 'torch':
        return load_model(checkpoint, **options)
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    path = tmp_path_factory.mktemp('exported') / 'a.onnx'
    export(load_model(checkpoint), path)
    return load_model(path, **options)


def by_hand(model: Predictor, points: np.ndarray) -> tuple:
    """Predict a second time, one face at a time."""
    squares = model.second_pass.squares(points)
    crops = [
        crop_square(
            IMAGE,
            squares.centre[i],
            squares.side[i],
            (40, 40),
            float(squares.rotation[i]),
        )
        for i in range(len(points))
    ]
    return squares.to_image(model.predict_crops(np.stack(crops)), 40)


@pytest.mark.parametrize('quarters', [1, 2, 3])
def test_a_rotated_image_gives_rotated_keypoints(
    model: Predictor, quarters: int
) -> None:
    """np.rot90 moves whole pixels, so the crops are equal."""
    first = LEVEL[None].astype(float)
    spread = np.zeros((1, 5, 2, 2))
    upright, _ = predict_again(model, [IMAGE], (first, np.zeros((1, 5)), spread))
    image, points, corner = IMAGE, first, np.zeros(2)
    for _ in range(quarters):  # clockwise: (x, y) goes to (H - 1 - y, x)
        image = np.rot90(image, -1)
        points = turned(points, 90) + (89, 0)
        corner = turned(corner, 90) + (89, 0)
    found, _ = predict_again(
        model,
        [np.ascontiguousarray(image)],
        (points, np.zeros((1, 5)), spread),
    )
    expected = turned(upright[0], 90 * quarters) + corner
    np.testing.assert_allclose(found[0], expected, atol=5e-3)
    np.testing.assert_allclose(found[1], upright[1], atol=1e-3)
    turn = turned(np.eye(2), 90 * quarters).T
    expected = turn @ upright[2] @ turn.T
    np.testing.assert_allclose(found[2], expected, rtol=1e-2, atol=1e-2)
    # The second pass changes the points.
    assert np.abs(found[0] - points).max() > 1


def test_two_passes(model: Predictor, checkpoint: Path) -> None:
    once = load_model(checkpoint)(IMAGE, BOXES)
    twice = model(IMAGE, BOXES)
    again = by_hand(model, once.keypoints)
    points, mass, spread = merge(
        (once.keypoints, once.confidence, once.covariance), again
    )
    np.testing.assert_allclose(twice.keypoints, points, atol=2e-3)
    np.testing.assert_allclose(twice.confidence, mass, atol=1e-4)
    np.testing.assert_allclose(twice.covariance, spread, rtol=1e-3, atol=1e-3)
    assert not np.allclose(twice.keypoints, once.keypoints, atol=0.5)
    alone = load_model(
        checkpoint,
        passes=2,
        second_pass=dataclasses.replace(model.second_pass, merge=False),
    )
    np.testing.assert_allclose(alone(IMAGE, BOXES).keypoints, again[0], atol=2e-3)
    np.testing.assert_array_equal(twice.boxes, BOXES)  # as given
    assert twice.timing['crop'] > 0 < twice.timing['network']


class Fixed(Predictor):
    """Returns the same points for every crop, and records batch sizes."""

    sizes: list[int] = []
    points = LEVEL[None] - 30  # in a crop of 40 pixels

    def _run(self, crops: np.ndarray) -> tuple:
        self.sizes.append(len(crops))
        count = len(crops)
        return (
            self.points.repeat(count, 0).astype(np.float32),
            np.full((count, 5), len(self.sizes) / 100, np.float32),
            np.ones((count, 1, 1, 1)) * np.eye(2)[None, None].repeat(5, 1),
        )


def fixed(**options: object) -> Fixed:
    info = ModelInfo((40, 40), tuple(FIVE_NAMES))
    found = Fixed(info, **options)
    found.sizes = []
    return found


def test_batches_and_images_of_two_passes() -> None:
    model = fixed(passes=2, batch_size=2)
    boxes = [[BOXES[0]], [], BOXES, [BOXES[0]]]
    result = model([IMAGE] * 4, boxes)
    # Both passes of the first three faces, then both passes of the fourth face.
    assert model.sizes == [2, 1, 2, 1, 1, 1]
    assert result.image_index.tolist() == [0, 2, 2, 3]
    once = fixed(passes=2)(IMAGE, [BOXES[1]])
    np.testing.assert_array_equal(result.keypoints[2], once.keypoints[0])
    assert len(fixed(passes=2)(IMAGE, [])) == 0


@pytest.mark.parametrize('points', [LEVEL * 0, LEVEL + 900, LEVEL * np.nan])
def test_without_a_second_crop_the_first_pass_is_returned(points: np.ndarray) -> None:
    model = fixed(passes=2)
    model.points = points[None]
    found = model([IMAGE], [BOXES])
    assert len(model.sizes) == 1
    model = fixed()
    model.points = points[None]
    expected = model([IMAGE], [BOXES])
    np.testing.assert_array_equal(found.keypoints, expected.keypoints)
    np.testing.assert_allclose(found.confidence, 0.01)


def test_options(checkpoint: Path) -> None:
    assert fixed().second_pass is None
    assert fixed(passes=2).second_pass.scale == 2.919
    for passes in (0, 3, None):
        with pytest.raises(ValueError, match=f'passes={passes}; give 1 or 2'):
            fixed(passes=passes)
    with pytest.raises(ValueError, match='not known for the keypoints'):
        load_model(checkpoint, passes=2)
    with pytest.raises(ValueError, match='no keypoint 5; .* from 0 to 4'):
        fixed(passes=2, second_pass=SecondPass(((0,), (5,)), 2.0))
    with pytest.raises(ValueError, match='give passes=2 with it'):
        fixed(second_pass=SecondPass(EYES, 2.0))
