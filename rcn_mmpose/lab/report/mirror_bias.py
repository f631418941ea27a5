"""Horizontal bias of labels, measured with mirrored images.

If the training labels lie some pixels too far to the right, the network predicts
keypoints too far to the right, in mirrored images as well. After mirroring back,
the second prediction lies too far to the left. Half of the difference of the two
predictions is the bias of the network. The mean of the two predictions has no bias,
so the bias of the labels is measured against the mean. A vertical bias cannot be
measured in this way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...image.reading import read_image
from ...inference.predictor import Predictor
from .annotated_faces import AnnotatedFaces


class MirrorBias(NamedTuple):
    """Horizontal bias of N faces with K keypoints, in pixels of the images.

    Attributes:
        labels (np.ndarray): Distance from the mean of the two predictions to
            the label, positive to the right, (N, K); NaN without a label.
        network (np.ndarray): Bias of each predicted keypoint, positive to the
            right, (N, K).
        sizes (list[tuple[int, int]]): Width and height of each image.
        sides (np.ndarray): Side of the box of each face, (N,).
    """

    labels: np.ndarray
    network: np.ndarray
    sizes: list[tuple[int, int]]
    sides: np.ndarray


def mirror_bias(
    model: Predictor,
    faces: AnnotatedFaces,
    advance: Callable[[int], None] | None = None,
) -> MirrorBias:
    """Measure the bias from predictions of every image and its mirror image.

    Args:
        model (Predictor): A model with the box rule ``given``.
        faces (AnnotatedFaces): Faces with labels of the same keypoints.
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
            f'have {len(swap)}; choose faces with the same keypoints.'
        )
    labels, network, sizes, sides = [], [], [], []
    for face in faces.faces:
        image = read_image(face['img_path'])
        height, width = image.shape[:2]
        x1, y1, x2, y2 = face['bbox'][0].tolist()
        plain = model(image, [[x1, y1, x2, y2]]).keypoints[0, :, 0]
        # pixel centres are whole numbers, so x maps to width - 1 - x
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
        if advance is not None:
            advance(1)
    return MirrorBias(np.stack(labels), np.stack(network), sizes, np.array(sides))
