from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from mmengine.logging import MMLogger

from rcn_mmpose.registry import METRICS

META = dict(
    dataset_name='toy', eyes=((0,), (1,)), faces_listed=5, list_name='a part'
)


def sample(
    truth: list,
    pred: list,
    cells: list,
    visible: list | None = None,
    centre: tuple = (100.0, 100.0),
    side: float = 160.0,
) -> dict:
    """One face in a crop of 80x80; a crop pixel is side / 80 wide."""
    return dict(
        img_path='face.png',
        input_size=(80, 80),
        input_center=np.array(centre),
        input_scale=np.array([side, side]),
        gt_instances=dict(
            keypoints=np.array([truth], dtype=np.float32),
            keypoints_visible=np.array([visible or [1.0] * len(truth)]),
        ),
        pred_instances=dict(
            keypoints=np.array([pred], dtype=np.float32),
            keypoint_cells=np.array([cells]),
        ),
    )


# Crop from (20, 20), two picture pixels a crop pixel.
TRUTH = [[60.0, 80.0], [100.0, 80.0], [81.0, 110.5]]
# The same in the crop: (20, 30), (40, 30), (30.5, 45.25); cells (20, 30),
# (40, 30), (31, 45): a half goes up.
FACE = sample(
    TRUTH,
    pred=[[63.0, 84.0], [100.0, 80.0], [81.0, 108.5]],
    cells=[[21, 30], [40, 32], [31, 45]],
)
PIXELS = (5 + 0 + 2) / 3 / 40  # the eyes are 40 pixels apart
CELLS = (1 + 2 + 0) / 3 / 20  # and 20 crop pixels


def evaluate(*batches: list, meta: dict = META) -> dict:
    metric = METRICS.build(dict(type='rcn_mmpose.FaceNME'))
    metric.dataset_meta = meta
    for batch in batches:
        metric.process({}, batch)
    return metric.evaluate(size=sum(map(len, batches)))


def test_both_protocols_by_hand() -> None:
    result = evaluate([FACE])
    assert result['NME_pixels_eyes'] == pytest.approx(100 * PIXELS)
    assert result['NME_cells_eyes'] == pytest.approx(100 * CELLS)


def test_mean_over_faces_not_keypoints() -> None:
    # of the second face one keypoint counts, off by (3, 4): 5 of 40
    second = sample(
        TRUTH,
        pred=[[63.0, 84.0], [0.0, 0.0], [0.0, 0.0]],
        cells=[[23, 34], [0, 0], [0, 0]],
        visible=[1, 0, 0],
    )
    result = evaluate([FACE, second])
    assert result['NME_pixels_eyes'] == pytest.approx(50 * (PIXELS + 5 / 40))
    assert result['NME_cells_eyes'] == pytest.approx(50 * (CELLS + 5 / 20))


def test_batches_change_nothing() -> None:
    rng = np.random.default_rng(0)
    faces = [
        sample(
            rng.uniform(30, 170, (3, 2)).tolist(),
            rng.uniform(30, 170, (3, 2)).tolist(),
            rng.integers(0, 80, (3, 2)).tolist(),
        )
        for _ in range(7)
    ]
    whole = evaluate(faces)
    assert evaluate(faces[:3], faces[3:5], faces[5:]) == whole
    # brute force
    total = 0.0
    for face in faces:
        truth = face['gt_instances']['keypoints'][0]
        pred = face['pred_instances']['keypoints'][0]
        unit = math.dist(truth[0], truth[1])
        total += (
            sum(math.dist(*pair) for pair in zip(truth, pred, strict=False))
            / 3
            / unit
        )
    assert whole['NME_pixels_eyes'] == pytest.approx(100 * total / 7)


def test_eye_centres_may_be_means_of_keypoints() -> None:
    truth = [[58.0, 80.0], [62.0, 80.0], [98.0, 80.0], [102.0, 80.0]]
    face = sample(truth, [[58.0, 84.0], *truth[1:]], [[19, 30]] * 4)
    meta = dict(META, eyes=((0, 1), (2, 3)))
    result = evaluate([face], meta=meta)
    assert result['NME_pixels_eyes'] == pytest.approx(100 * 1 / 40)


def test_maps_that_are_coarser_than_the_crop() -> None:
    face = sample(TRUTH, TRUTH, [])
    del face['pred_instances']['keypoint_cells']
    assert evaluate([face]) == dict(NME_pixels_eyes=0)


def test_it_says_how_many_faces(caplog: pytest.LogCaptureFixture) -> None:
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, logger.name):
            evaluate([FACE])
    finally:
        logger.removeHandler(caplog.handler)
    assert 'toy (a part): evaluated 1 of 5 faces listed' in caplog.text


def test_eyes_at_one_place() -> None:
    face = sample([[60.0, 80.0]] * 3, TRUTH, [[0, 0]] * 3)
    with pytest.raises(ValueError, match="'face.png': the true eyes coincide"):
        evaluate([face])


def test_nothing_visible() -> None:
    face = sample(TRUTH, TRUTH, [[0, 0]] * 3, visible=[0, 0, 0])
    with pytest.raises(ValueError, match='nothing is visible'):
        evaluate([face])


def test_data_without_eyes() -> None:
    with pytest.raises(ValueError, match='names no eyes'):
        evaluate([FACE], meta=dict(dataset_name='toy'))
