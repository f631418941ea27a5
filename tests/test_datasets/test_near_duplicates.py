from __future__ import annotations

import cv2
import numpy as np
import pytest
from fake_mtfl import draw_face

from rcn_mmpose.datasets.near_duplicates import (
    aligned_patch,
    group_duplicates,
    split_groups,
)


def grey_face(seed: int) -> tuple[np.ndarray, np.ndarray]:
    img, points = draw_face(np.random.default_rng(seed), side=160)
    grey = cv2.GaussianBlur(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), (0, 0), 2)
    return grey, points


def test_a_photo_equals_its_shifted_rotated_and_brightened_copy() -> None:
    grey, points = grey_face(0)
    matrix = cv2.getRotationMatrix2D((80, 80), 25, 0.8)
    moved = cv2.warpAffine(grey, matrix, (200, 200))
    moved = cv2.convertScaleAbs(moved, alpha=0.8, beta=20)
    turned = points @ matrix[:, :2].T + matrix[:, 2]
    same = aligned_patch(grey, points) @ aligned_patch(moved, turned)
    assert same > 0.97
    assert aligned_patch(grey, points) @ aligned_patch(*grey_face(1)) < 0.96


def test_a_constant_image_has_no_duplicates() -> None:
    _, points = grey_face(0)
    patch = aligned_patch(np.full((160, 160), 7, np.uint8), points)
    assert not patch.any()


@pytest.mark.parametrize('block', [2, 1000])
def test_groups_are_transitive(block: int) -> None:
    angles = np.radians([0, 90, 14, 28, 180])  # cos 14 deg = 0.970
    patches = np.stack((np.cos(angles), np.sin(angles)), -1)
    groups = group_duplicates(patches.astype(np.float32), 0.96, block)
    assert groups == [[0, 2, 3], [1], [4]]


def test_the_split_divides_no_group_and_depends_only_on_names() -> None:
    names = [f'n{i}' for i in range(20)]
    groups = [[0, 1, 2], [3, 4], *[[i] for i in range(5, 20)]]
    train, validation = split_groups(names, groups, 6, seed=3)
    assert sorted(train + validation) == list(range(20))
    assert len(validation) == 6
    for group in groups:
        assert len(set(group) & set(validation)) in (0, len(group))
    shuffled = groups[::-1]
    assert split_groups(names, shuffled, 6, seed=3) == (train, validation)


def test_a_split_that_would_divide_a_group() -> None:
    with pytest.raises(ValueError, match='put aside 1 of 4'):
        split_groups(list('abcd'), [[0, 1], [2, 3]], 1)
