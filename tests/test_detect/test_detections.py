"""Detections: shapes, use as an array, and their roll in a prediction."""

import numpy as np
import pytest

from rcn_mmpose.detect import Detections, as_detections
from rcn_mmpose.image.crop import crop_square
from rcn_mmpose.inference.loading import ModelInfo
from rcn_mmpose.inference.predictor import Predictor

BOXES = [[10.0, 12, 30, 32], [40, 8, 60, 28]]


class Echo(Predictor):
    """A network that finds the keypoint at the centre of the crop, off by (1, 0)."""

    crops: list

    def _run(self, crops):
        self.crops = [*getattr(self, 'crops', ()), *crops]
        count = len(crops)
        points = np.tile(np.float32([[41, 40]]), (count, 1, 1))
        return (
            points,
            np.full((count, 1), 0.5, np.float32),
            np.tile(np.eye(2, dtype=np.float32), (count, 1, 1, 1)),
        )


@pytest.fixture
def model():
    return Echo(ModelInfo(input_size=(80, 80), keypoints=('a',)))


def image():
    return np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)


def test_detections_stand_for_an_array():
    found = as_detections(BOXES)
    assert len(found) == 2
    assert [box.tolist() for box in found] == BOXES
    assert np.asarray(found).tolist() == BOXES
    assert np.isnan(found.scores).all() and found.points is None
    assert found.roll.tolist() == [0, 0]
    assert as_detections([]).boxes.shape == (0, 4)


def test_parts_keep_their_rows():
    found = Detections.of(BOXES, [0.25, 0.75], np.ones((2, 5, 2)), [3, 4])
    part = found[found.scores > 0.5]
    assert part.boxes.tolist() == BOXES[1:] and part.roll.tolist() == [4]
    assert part.points is not None and part.points.shape == (1, 5, 2)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(scores=[1]), r'scores of shape \(1,\) for 2 boxes'),
        (dict(points=np.ones((2, 4, 2))), r'points of shape \(2, 4, 2\)'),
        (dict(roll=[0, np.nan]), 'finite degrees'),
        (dict(roll=5), r'roll of shape \(\)'),
    ],
)
def test_wrong_shapes_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        Detections.of(BOXES, **values)


def test_the_roll_turns_the_crop_and_the_keypoints(model):
    result = model(image(), Detections.of(BOXES, [0.9, 0.8], roll=[90, 0]))
    expected = crop_square(image(), (20, 22), 20, (80, 80), 90)
    assert (model.crops[0] == expected).all()
    # One pixel to the right in the crop is a quarter of a pixel down in the image,
    # because a clockwise turn by 90 degrees takes right to down.
    assert result.keypoints[:, 0] == pytest.approx(
        np.array([[20, 22.25], [50.25, 18]]), abs=1e-5
    )
    assert result.roll.tolist() == [90, 0]
    assert result.detection_scores.tolist() == [0.9, 0.8]
    assert (
        model.crop(image(), Detections.of(BOXES, roll=[90, 0])) == model.crops
    ).all()


def test_roll_0_is_the_path_of_boxes(model):
    plain = model(image(), BOXES)
    turned = model(image(), Detections.of(BOXES))
    assert plain.keypoints.tobytes() == turned.keypoints.tobytes()
    assert np.isnan(plain.detection_scores).all() and plain.roll.tolist() == [0, 0]


def test_a_detector_returns_detections(model):
    found = Detections.of(BOXES, [0.5, 0.75])
    result = model.with_detector(lambda image: found)([image(), image()])
    assert result.detection_scores.tolist() == [0.5, 0.75] * 2
    assert result[1].detection_scores.tolist() == [0.75]
    assert result.of(1).detection_scores.tolist() == [0.5, 0.75]


def test_lists_take_detections(model):
    found = Detections.of(BOXES, roll=[90, 0])
    listed = model([image(), image()], [found, BOXES])
    assert listed.roll.tolist() == [90, 0, 0, 0]
    each = model([image(), image()], found)  # one face for each image
    assert each.roll.tolist() == [90, 0] and each.image_index.tolist() == [0, 1]


def test_ragged_detections_of_a_detector_are_an_error(model):
    wrong = Detections(np.array(BOXES), np.ones(1), None, np.zeros(2))
    with pytest.raises(ValueError):
        model.with_detector(lambda image: wrong)(image())
