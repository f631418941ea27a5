from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import load_tool

from rcn_mmpose.lab.report.annotated_faces import AnnotatedFaces
from rcn_mmpose.lab.report.mirror_bias import MirrorBias, mirror_bias

# left eye, right eye, nose
DOTS = np.array([(11, 20), (40, 18), (30, 35)])


class Finder:
    """A model that finds the dots of an image 2 pixels too far to the right."""

    info = SimpleNamespace(keypoints=('left_eye', 'right_eye', 'nose'))

    def __call__(self, image: np.ndarray, boxes: list) -> SimpleNamespace:
        grey = image.max(-1) if image.ndim == 3 else image
        # in a mirrored image the box lies on the other side too
        (x1, y1, x2, y2) = (round(v) for v in boxes[0])
        assert (grey[y1:y2, x1:x2] > 99).sum() == 3
        y, x = np.nonzero(grey > 99)
        nose = y.argmax()
        eyes = sorted(x[np.arange(3) != nose])
        found = np.array([*eyes, x[nose]], float) + 2
        keypoints = np.stack((found, found), -1)
        return SimpleNamespace(keypoints=keypoints[None])


def make(folder: Path, off: float, visible: tuple = (1, 1, 1)) -> dict:
    image = np.zeros((50, 70), np.uint8)
    image[tuple(DOTS.T[::-1])] = 255
    path = folder / f'{off}.png'
    cv2.imwrite(str(path), image)
    return dict(
        img_path=str(path),
        bbox=np.array([[5.0, 10, 48, 45]]),
        keypoints=(DOTS + (off, 0))[None].astype(float),
        keypoints_visible=np.array([visible], float),
    )


def faces(folder: Path, **metainfo: object) -> AnnotatedFaces:
    return AnnotatedFaces(
        'dots',
        'dots.json',
        dict(flip_indices=[1, 0, 2], **metainfo),
        [make(folder, 0.5), make(folder, -1.25, (1, 0, 1))],
    )


def test_bias_of_labels_and_of_the_network(tmp_path: Path) -> None:
    done = []
    bias = mirror_bias(Finder(), faces(tmp_path), done.append)
    np.testing.assert_allclose(bias.network, np.full((2, 3), 2.0))
    np.testing.assert_allclose(bias.labels, [(0.5, 0.5, 0.5), (-1.25, np.nan, -1.25)])
    assert bias.sizes == [(70, 50)] * 2
    assert bias.sides.tolist() == [43, 43]
    assert done == [1, 1]


def test_a_model_with_other_keypoints_is_an_error(tmp_path: Path) -> None:
    listed = faces(tmp_path)
    listed.metainfo['flip_indices'] = [1, 0]
    with pytest.raises(ValueError, match="3 keypoints, .* 'dots' have 2"):
        mirror_bias(Finder(), listed)


def test_the_table_has_medians_by_image_size() -> None:
    bias = MirrorBias(
        np.array([[0.0], [1.0], [5.0]]),
        np.array([[2.0], [2.0], [-1.0]]),
        [(8, 6), (8, 6), (7, 6)],
        np.ones(3),
    )
    lines = load_tool('analysis_tools/mirror_bias.py').table(bias, 1)
    assert [line.split() for line in lines] == [
        ['all,', '3', 'faces:', 'labels', '+1.00'],
        ['all,', '3', 'faces:', 'network', '+2.00'],
        ['8x6,', '2', 'faces:', 'labels', '+0.50'],
        ['8x6,', '2', 'faces:', 'network', '+2.00'],
    ]


def test_test_faces_are_an_error(converted: Path) -> None:
    arguments = ['rcn-5', '--data', 'aflw5_test', '--data-root', converted]
    with pytest.raises(ValueError, match='holds test faces'):
        load_tool('analysis_tools/mirror_bias.py').main(list(map(str, arguments)))
