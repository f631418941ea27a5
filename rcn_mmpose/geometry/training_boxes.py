"""Training boxes: how the boxes of a training follow from other boxes.

A model sees good crops if their squares look like those of its training. This
relation is a mapping with an entry for each detector, such as ``'haar'``: the
options of :func:`~rcn_mmpose.geometry.boxes.box_from_detection`, which turn the
detector's box into the training box. The entry ``'keypoints'`` does the same for
the tight box of the keypoints, or names a rule. The numbers are medians over
training faces by :mod:`rcn_mmpose.lab.calibration.detector_boxes`. The mapping
travels in annotation files (``info``), checkpoints and exported models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .boxes import (
    box_from_detection,
    box_from_extent,
    box_from_keypoints,
    check_training_boxes,
)
from .keypoints import FIVE_NAMES, NAMES_68, NUMBERED_68

EYES_AND_MOUTH: dict[str, dict] = dict(
    haar=dict(scale=1.209, shift=0.088),
    yunet=dict(scale=1.092, shift=0.066),
    keypoints=dict(rule='eyes_and_mouth'),
)
EXTENT: dict[str, dict] = dict(
    haar=dict(scale=1.165, shift=0.154),
    yunet=dict(scale=1.025, shift=0.128),
    keypoints=dict(rule='extent'),
)
# By the name of a dataset of this project.
KNOWN_TRAINING_BOXES: dict[str, dict] = dict.fromkeys(
    ('mtfl', 'aflw5', 'afw', '300w_five_points'), EYES_AND_MOUTH
)
KNOWN_TRAINING_BOXES['300w'] = EXTENT
# Exported models of version 0.1 and before do not carry training boxes.
BOXES_BY_NAMES: dict[tuple[str, ...], dict] = {
    FIVE_NAMES: EYES_AND_MOUTH,
    NAMES_68: EXTENT,
    NUMBERED_68: EXTENT,
}


def training_boxes_of(dataset: Mapping[str, Any]) -> Mapping[str, Mapping]:
    """Return the training boxes of a dataset.

    Args:
        dataset (Mapping): Its description, ``dataset_meta`` of a checkpoint.

    Returns:
        Mapping: Empty if they are unknown.

    Raises:
        ValueError: If the dataset's entry cannot be used.
    """
    found = dataset.get('training_boxes')
    if found:
        check_training_boxes(found)
        return found
    if str(dataset.get('list_name', '')).startswith('synthetic faces, '):
        five = dataset.get('num_keypoints') == 5
        return EYES_AND_MOUTH if five else EXTENT
    return KNOWN_TRAINING_BOXES.get(str(dataset.get('dataset_name', '')), {})


def training_box_of_keypoints(
    keypoints: np.ndarray, image_size: tuple[int, int], options: Mapping[str, Any]
) -> np.ndarray:
    """Box keypoints as in a training.

    Args:
        keypoints (np.ndarray): Positions (x, y), of shape (K, 2).
        image_size (tuple): Width and height of the image.
        options (Mapping): ``keypoints`` of the training boxes.

    Returns:
        np.ndarray: The box, float64 of shape (4,).

    Raises:
        ValueError: If the keypoints span no box.
    """
    if 'rule' in options:
        return box_from_keypoints(options['rule'], keypoints, image_size)
    return box_from_detection(box_from_extent(keypoints, 1.0), **options)
