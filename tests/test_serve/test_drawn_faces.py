from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rcn_mmpose.detect.haar import CALIBRATED
from rcn_mmpose.geometry.boxes import box_from_extent
from rcn_mmpose.serve.drawn_faces import training_boxes, with_boxes
from rcn_mmpose.serve.service import Service

FACE = np.array([[0.0, 0.0, 100.0, 80.0]])


def model(correction: dict | None) -> SimpleNamespace:
    return SimpleNamespace(detector=SimpleNamespace(correction=correction))


@pytest.mark.parametrize('correction', [CALIBRATED['extent'], None])
def test_a_model_of_300w_gets_the_boxes_of_its_training(
    correction: dict | None,
) -> None:
    found = training_boxes(FACE, model(correction))
    np.testing.assert_allclose(found, [[-15, -25, 115, 105]])
    np.testing.assert_allclose(found[0], box_from_extent(FACE.reshape(2, 2)))


def test_a_model_with_other_training_boxes() -> None:
    """By hand: the cascade's square has the side 130 / 1.165 = 111.588 around
    (50, 40 - 0.154 * 111.588) = (50, 22.815).
    """
    found = training_boxes(FACE, model(dict(scale=1.0, shift=0.0)))
    np.testing.assert_allclose(found, [[-5.794, -32.979, 105.794, 78.609]], atol=2e-3)
    # Half the size, a quarter below: a model of mouths, for example.
    found = training_boxes(FACE, model(dict(scale=0.5, shift=0.25)))
    np.testing.assert_allclose(found, [[22.103, 22.815, 77.897, 78.609]], atol=2e-3)


def test_no_faces() -> None:
    assert training_boxes(np.zeros((0,)), model(None)).shape == (0, 4)


def test_the_detector_beside_given_boxes(
    service: Service, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    detected = [[10, 20, 140, 150], [0, 0, 60, 60]]
    monkeypatch.setattr(service.predictor, 'detector', lambda _: detected)
    given = np.array([[20.0, 30, 150, 155]])  # IoU with the first 0.75
    both = with_boxes(service.predictor, given)
    np.testing.assert_array_equal(both(face).boxes, [[0, 0, 60, 60], *given])
    assert service.predictor.detector(face) == detected
    monkeypatch.setattr(service.predictor, 'detector', lambda _: [])
    np.testing.assert_array_equal(both(face).boxes, given)
