"""How far labels lie sideways of what they mean, found by mirrored faces.

A network that learned labels which all lie some pixels to the right places
its keypoints as far to the right, in a mirrored image too. Mirrored back,
those lie to the left. Half the difference of both predictions is what the
network learned; their mean is free of it, and labels can be held against it.
Up and down there is no such mirror.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...image.reading import read_image
from ...inference.predictor import Predictor
from .annotated_faces import AnnotatedFaces


class MirrorBias(NamedTuple):
    """Of N faces with K keypoints, in pixels of their images.

    Attributes:
        labels (np.ndarray): How far each label lies to the right of the mean
            of both predictions, (N, K); NaN where there is no label.
        network (np.ndarray): How far the network places each keypoint to the
            right, (N, K).
        sizes (list[tuple[int, int]]): Widths and heights of the images.
        sides (np.ndarray): Of the faces' boxes, (N,).
    """

    labels: np.ndarray
    network: np.ndarray
    sizes: list[tuple[int, int]]
    sides: np.ndarray


def mirror_bias(
    model: Predictor,
    faces: AnnotatedFaces,
    advance: Callable[[int], None] = lambda steps=1: None,
) -> MirrorBias:
    """Predict every face as it is and mirrored.

    Args:
        model (Predictor): Its boxes must be the squares that it crops.
        faces (AnnotatedFaces): With labels of the same keypoints.
        advance (Callable): Called with the number of faces done.

    Raises:
        ValueError: If the numbers of keypoints differ.
        OSError: If an image cannot be read.
    """
    swap = faces.metainfo['flip_indices']
    count = len(model.info.keypoints)
    if count != len(swap):
        raise ValueError(
            f'the model has {count} keypoints, the faces of {faces.name!r} '
            f'have {len(swap)}; choose faces that go with it.'
        )
    labels, network, sizes, sides = [], [], [], []
    for face in faces.faces:
        image = read_image(face['img_path'])
        height, width = image.shape[:2]
        x1, y1, x2, y2 = face['bbox'][0].tolist()
        plain = model(image, [[x1, y1, x2, y2]]).keypoints[0, :, 0]
        # pixel centres are whole numbers, so x goes to width - 1 - x
        box = [width - 1 - x2, y1, width - 1 - x1, y2]
        mirrored = np.ascontiguousarray(image[:, ::-1])
        other = model(mirrored, [box]).keypoints[0, :, 0]
        back = (width - 1 - other)[swap]
        network.append((plain - back) / 2)
        truth = np.where(
            face['keypoints_visible'][0] > 0,
            face['keypoints'][0, :, 0],
            np.nan,
        )
        labels.append(truth - (plain + back) / 2)
        sizes.append((width, height))
        sides.append(x2 - x1)
        advance(1)
    return MirrorBias(np.stack(labels), np.stack(network), sizes, np.array(sides))
