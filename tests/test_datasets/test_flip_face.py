from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.datasets.transforms import CropFace, FlipFace


def sample() -> dict:
    """A face with dots at the eyes and the nose; labels are 2 pixels to the right."""
    img = np.zeros((40, 60), np.uint8)
    dots = np.array([(20, 15), (36, 17), (27, 25)])
    img[tuple(dots.T[::-1])] = (100, 150, 200)
    labels = (dots + (2, 0))[None].astype(np.float32)
    return dict(
        img=img,
        img_shape=img.shape,
        bbox=np.float32([[10, 0, 50, 40]]),
        bbox_center=np.float32([[30, 20]]),
        bbox_scale=np.float32([[40, 40]]),
        keypoints=labels,
        keypoints_visible=np.ones((1, 3), np.float32),
        flip_indices=[1, 0, 2],
    )


def test_the_bias_has_the_same_direction_after_a_flip() -> None:
    results = FlipFace(prob=1.0, label_bias=2 / 40)(sample())
    # The flip about x = 29.5 moves the dots to 23, 39, 32.
    assert [np.nonzero(results['img'] == v)[1][0] for v in (150, 100)] == [
        59 - 36,
        59 - 20,
    ]
    np.testing.assert_allclose(results['keypoints'][0], [(25, 17), (41, 15), (34, 25)])
    np.testing.assert_allclose(results['bbox_center'], [(33, 20)])
    np.testing.assert_allclose(results['bbox'], [(13, 0, 53, 40)])
    crop = CropFace(input_size=(40, 40))(results)
    # The box has the same bias.
    np.testing.assert_allclose(
        crop['transformed_keypoints'][0], [(12, 17), (28, 15), (21, 25)]
    )


def test_without_bias_it_equals_mmposes_flip() -> None:
    results = FlipFace(prob=1.0)(sample())
    np.testing.assert_allclose(results['keypoints'][0], [(21, 17), (37, 15), (30, 25)])


def test_without_a_flip_the_face_is_unchanged() -> None:
    before, results = sample(), FlipFace(prob=0.0, label_bias=0.05)(sample())
    for key in ('img', 'keypoints', 'bbox_center', 'bbox'):
        np.testing.assert_array_equal(results[key], before[key])


@pytest.mark.parametrize('bias', [0.2, -0.2, float('nan')])
def test_a_bias_out_of_range_is_an_error(bias: float) -> None:
    with pytest.raises(ValueError, match='label_bias=.*; give a part'):
        FlipFace(label_bias=bias)
