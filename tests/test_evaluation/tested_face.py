"""Tested faces written by hand, and functions that test them."""

from __future__ import annotations

from itertools import count

import numpy as np

from rcn_mmpose.registry import METRICS

IDS = count(1)
# The crop starts at (20, 20); a crop pixel is two image pixels wide.
TRUTH = [[60.0, 80.0], [100.0, 80.0], [81.0, 110.5]]


def metainfo(keypoints: int = 3, **more: object) -> dict:
    """Metainfo of a dataset as MMPose parses it, with the keys used here."""
    return dict(
        dataset_name='toy',
        num_keypoints=keypoints,
        keypoint_id2name={i: f'kpt-{i}' for i in range(keypoints)},
        **more,
    )


META = metainfo(normalisers=dict(eye_points=((0,), (1,))))


def sample(
    truth: list = TRUTH,
    pred: list = TRUTH,
    cells: list | None = None,
    visible: list | None = None,
    centre: tuple = (100.0, 100.0),
    side: float = 160.0,
    **more: object,
) -> dict:
    """One face in a crop of 80x80; a crop pixel is side / 80 wide."""
    predicted = dict(keypoints=np.array([pred], dtype=np.float32))
    if cells is not None:
        predicted['keypoint_cells'] = np.array([cells])
    return {
        **dict(
            id=next(IDS),
            dataset_name='toy',
            img_path='data/face.png',
            input_size=(80, 80),
            input_center=np.array(centre),
            input_scale=np.array([side, side]),
            gt_instances=dict(
                bboxes=np.array([[20.0, 20.0, 180.0, 180.0]]),
                keypoints=np.array([truth], dtype=np.float32),
                keypoints_visible=np.array([visible or [1.0] * len(truth)]),
            ),
            pred_instances=predicted,
        ),
        **more,
    }


def random_samples(number: int, seed: int = 0, keypoints: int = 5) -> list:
    """Faces with random keypoints from a seed."""
    rng = np.random.default_rng(seed)
    return [
        sample(
            rng.uniform(30, 170, (keypoints, 2)).tolist(),
            rng.uniform(30, 170, (keypoints, 2)).tolist(),
            rng.integers(0, 80, (keypoints, 2)).tolist(),
            id=i + 1,
            img_path=f'data/face_{i}.png',
        )
        for i in range(number)
    ]


def build(meta: dict = META, **options: object) -> object:
    """Build the metric for a dataset."""
    metric = METRICS.build(dict(type='rcn_mmpose.FaceNME', **options))
    metric.dataset_meta = meta
    return metric


def evaluate(*batches: list, meta: dict = META, **options: object) -> dict:
    """Test batches of faces that form a whole dataset."""
    metric = build(meta, **options)
    for batch in batches:
        metric.process({}, batch)
    return metric.evaluate(size=sum(map(len, batches)))
