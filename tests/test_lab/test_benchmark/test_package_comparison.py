from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rcn_mmpose.lab.benchmark import package_comparison, predict
from rcn_mmpose.lab.benchmark.faces import RawFace
from rcn_mmpose.lab.benchmark.measured_process import SkipError
from rcn_mmpose.lab.benchmark.turns import Measurement

from .small_experiment import write_config


@pytest.fixture
def small(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With 12 faces to train and 4 to test."""
    return write_config(converted, tmp_path, monkeypatch)


def face(keypoints: np.ndarray, visible: np.ndarray | None = None) -> RawFace:
    if visible is None:
        visible = np.full(len(keypoints), True)
    return RawFace(None, np.zeros((1, 4)), keypoints, visible, 50.0)


def test_error_of_five_points() -> None:
    truth = np.zeros((5, 2))
    points = np.array([(3.0, 4), (0, 0), (0, 0), (0, 0), (6, 8)])
    # (5 + 10) / 5 pixels over 50
    assert package_comparison.face_error(points, face(truth), 5) == pytest.approx(6)
    seen = np.array([True, True, True, True, False])
    assert package_comparison.face_error(points, face(truth, seen), 5) == pytest.approx(
        2.5
    )


def test_error_of_68_points() -> None:
    truth = np.zeros((68, 2))
    points = np.zeros((68, 2))
    points[0, 0] = 34
    assert package_comparison.face_error(points, face(truth), 68) == pytest.approx(1)
    assert package_comparison.face_error(points, face(truth), 5) == 0
    points[30, 1] = 5  # the tip of the nose
    assert package_comparison.face_error(points, face(truth), 5) == pytest.approx(2)
    assert package_comparison.face_error(
        np.ones((5, 2)), face(truth), 5
    ) == pytest.approx(100 * 2**0.5 / 50)


def test_comparison() -> None:
    rows = [
        Measurement('ours', 1, facts=dict(errors={5: [1.0, 2, 3], 68: [4.0, 5, 9]})),
        Measurement('gone', 1, reason='not installed'),
        Measurement('other', 1, facts=dict(errors={5: [2.0, None, 6]})),
    ]
    package_comparison.compare(rows)
    assert rows[0].facts == dict(
        found=1, nme_5=2, fr10_5=0, auc10_5=80, nme_68=6, nme_5_all_found=2
    )
    assert rows[1].facts == {}
    assert rows[2].facts == dict(
        found=pytest.approx(2 / 3),
        nme_5=4,
        fr10_5=pytest.approx(100 / 3),  # a miss is a failure
        auc10_5=pytest.approx(40),
        nme_5_all_found=4,
    )


def test_no_face_is_found_by_all() -> None:
    rows = [
        Measurement('a', 1, facts=dict(errors={5: [1.0, None]})),
        Measurement('b', 1, facts=dict(errors={5: [None, 1.0]})),
    ]
    package_comparison.compare(rows)
    assert np.isnan(rows[0].facts['nme_5_all_found'])


def set_up(small: str, folder: Path, package: str, checkpoint: str = '') -> dict:
    return package_comparison.set_up(small, str(folder), 3, 'test', package, checkpoint)


def test_another_package(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model gets the first test faces with their boxes."""
    seen = []

    class StandIn:
        points = 5

        def __call__(self, image: np.ndarray, box: np.ndarray) -> object:
            seen.append((image.shape, box))
            return None if len(seen) % 3 == 0 else np.zeros((5, 2))

    monkeypatch.setitem(package_comparison.OTHER_PACKAGES, 'stand-in', StandIn)
    case = set_up(small, tmp_path, 'stand-in')['']
    facts = case.facts()
    assert facts['on'] == 'aflw5_test'
    assert list(facts['errors']) == [5]
    first, second, third = facts['errors'][5]
    assert first > 100 and second > 100 and third is None
    assert all(box.shape == (4,) for _, box in seen)
    case.run()
    assert len(seen) == 4


def test_a_broken_package_is_skipped(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError('numpy.dtype size changed')

    monkeypatch.setitem(package_comparison.OTHER_PACKAGES, 'broken', broken)
    with pytest.raises(SkipError, match='dtype size changed'):
        set_up(small, tmp_path, 'broken')


def test_a_detected_face_has_to_be_the_true_one() -> None:
    model = object.__new__(package_comparison._ProjectModel)
    model.detects = True
    found = SimpleNamespace(
        boxes=np.array([[0.0, 0, 9, 9], [20, 20, 60, 60]]),
        keypoints=np.arange(20.0).reshape(2, 5, 2),
    )
    model.model = lambda image: found
    image = np.zeros((80, 80, 3), np.uint8)
    near = model(image, np.float32([22, 22, 62, 62]))
    assert near is not None and near.tolist() == found.keypoints[1].tolist()
    assert model(image, np.float32([45, 45, 85, 85])) is None


def test_the_project_model(small: str, tmp_path: Path) -> None:
    weights = predict.random_checkpoint(small)
    try:
        facts = set_up(small, tmp_path, '', weights)[''].facts()
    finally:
        Path(weights).unlink()
    assert len(facts['errors'][5]) == 3
    assert all(0 < x < 1000 for x in facts['errors'][5])
