"""Labels of a large model for a small one: views of a face and their mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.keypoints import NAMES_68, RELATIONS_68
from rcn_mmpose.geometry.training_boxes import EXTENT
from rcn_mmpose.inference import ModelInfo, Predictor
from rcn_mmpose.inference.second_pass import SecondPass
from rcn_mmpose.io.annotations import TrueFace
from rcn_mmpose.lab.distillation.pseudo_labels import (
    BIAS,
    label,
    mean_of_views,
    mirror,
)

ORDER = np.arange(68)
for a, b in RELATIONS_68['flip_pairs']:
    ORDER[[a, b]] = b, a


class Brightest(Predictor):
    """Finds the centre of the light in a crop, for every keypoint."""

    sure = 0.75

    def _run(self, crops: np.ndarray) -> tuple:
        light = crops.astype(float)
        total = light.sum((1, 2))
        x = (light.sum(1) * np.arange(80)).sum(1) / total
        y = (light.sum(2) * np.arange(80)).sum(1) / total
        points = np.repeat(np.stack([x, y], -1)[:, None], 68, 1).astype(np.float32)
        spread = np.tile(np.eye(2, dtype=np.float32), (len(crops), 68, 1, 1))
        return points, np.full((len(crops), 68), self.sure, np.float32), spread


@pytest.fixture
def model() -> Brightest:
    info = ModelInfo((80, 80), NAMES_68, training_boxes=EXTENT)
    info = replace(info, box_rule=dict(rule='given'))
    return Brightest(info, passes=2, second_pass=SecondPass(((0,), (16,)), 2.0))


@pytest.fixture
def image() -> np.ndarray:
    image = np.zeros((400, 400), np.uint8)
    cv2.circle(image, (210, 190), 12, 200, -1)
    return image


@pytest.fixture
def first() -> np.ndarray:
    """First keypoints, level, 80 wide, around (200, 200): the square's side is 160."""
    x = np.linspace(160, 240, 17)
    points = np.tile([200.0, 200.0], (68, 1))
    points[:17, 0] = x
    return points[None]


def test_mirror_by_hand() -> None:
    points = np.full((1, 68, 2), 40.0)
    points[0, 0] = 10, 50  # the contour's first keypoint; its counterpart is 16
    points[0, 16] = 70, 55
    found = mirror(points, 80, ORDER)
    shift = 2 * BIAS * 80
    np.testing.assert_allclose(found[0, 16], [79 - 10 + shift, 50])
    np.testing.assert_allclose(found[0, 0], [79 - 70 + shift, 55])
    assert points[0, 0, 0] == 10  # not changed


def test_all_views_agree(
    model: Brightest, image: np.ndarray, first: np.ndarray
) -> None:
    """Each view finds the light at its place; half of them add twice the bias."""
    points, sure = mean_of_views(model, image, first, ORDER)
    expected = [210 + BIAS * 160, 190]
    np.testing.assert_allclose(points[0], np.tile(expected, (68, 1)), atol=0.3)
    np.testing.assert_allclose(sure, np.full((1, 68), 0.75))


def test_faces_of_low_confidence_are_left_out(
    model: Brightest, image: np.ndarray, tmp_path: Path
) -> None:
    """All keypoints at one place span no square, so the face is left out too."""
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    nothing = np.zeros((68, 2))
    face = TrueFace(
        'a.png', nothing, np.ones(68, bool), np.array([120, 110, 280, 270.0]), {}
    )

    class Spread(Brightest):
        def _run(self, crops: np.ndarray) -> tuple:
            points, sure, spread = super()._run(crops)
            points[:, :17, 0] += np.linspace(-20, 20, 17)
            points[:, 17:, 1] += np.linspace(-20, 20, 51)
            return points, sure, spread

    spread = Spread(model.info, passes=2, second_pass=model.second_pass)
    (kept,) = label(spread, [face], str(tmp_path), 'own', ORDER, least=0.7)
    assert kept.file_name == 'own/a.png' and kept.size == (400, 400)
    assert kept.attributes == dict(confidence=0.75)
    assert not list(label(spread, [face], str(tmp_path), 'own', ORDER, least=0.8))
    assert not list(label(model, [face], str(tmp_path), 'own', ORDER, least=0.7))
