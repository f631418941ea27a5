"""What is kept of a tested face."""

from __future__ import annotations

import numpy as np
import pytest
from tested_face import TRUTH, build, sample

from rcn_mmpose.evaluation import face_nme
from rcn_mmpose.evaluation.faces import one_per_face, read_face


def test_a_third_column_is_ignored() -> None:
    face = sample([[*p, 0.5] for p in TRUTH], [[*p, 0.9] for p in TRUTH])
    found = read_face(face)
    np.testing.assert_array_equal(found.truth, TRUTH)
    np.testing.assert_array_equal(found.pred, TRUTH)


def test_everything_is_in_double_precision() -> None:
    face = sample()
    for name in ('input_center', 'input_scale'):
        face[name] = face[name].astype(np.float32)
    face['gt_instances']['bboxes'] = np.array([[20, 20, 180, 180]])
    found = read_face(face)
    for name in ('truth', 'pred', 'box', 'size', 'centre', 'scale'):
        assert getattr(found, name).dtype == np.float64, name


def test_missing_fields() -> None:
    face = sample()
    for name in ('dataset_name', 'img_path'):
        del face[name]
    del face['gt_instances']['bboxes']
    found = read_face(face)
    assert (found.dataset, found.img_path, found.box) == ('', '', None)


def test_visibility_with_weights() -> None:
    """Datasets of MMPose may give (1, K, 2): visibility and weight."""
    face = sample()
    face['gt_instances']['keypoints_visible'] = np.array([[[1, 0], [0, 1], [2, 1]]])
    assert read_face(face).visible.tolist() == [True, False, True]


def test_a_duplicate_face_with_unlabelled_keypoints() -> None:
    truth = [*TRUTH[:2], [np.nan, np.nan]]
    face = read_face(sample(truth, visible=[1, 1, 0]))
    assert one_per_face([face, face]) == [face]


def test_results_are_collected_on_the_given_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    collect = face_nme.collect_results

    def collect_results(*arguments: object) -> list:
        asked.append(arguments[1:])
        return collect(*arguments)

    monkeypatch.setattr(face_nme, 'collect_results', collect_results)
    metric = build(collect_dir='shared')
    metric.process({}, [sample()])
    metric.evaluate(size=1)
    [(limit, device, folder)] = asked
    assert limit > 10**9  # duplicate faces must not be cut off
    assert (device, folder) == ('cpu', 'shared')
