"""Predict a face a second time, from a crop around its first keypoints.

The first keypoints give position, size and roll of a face, often more exactly
than the box of a detector. The second crop is the square that the box rule of
the training makes of these keypoints, rotated with the line of the eyes. The
network sees the face upright. The result is the mean of both predictions, each
weighted by the inverse of its variance. The second prediction alone is not
always better, see docs/studies.md.

:mod:`rcn_mmpose.lab.calibration.second_pass_fit` measures how the squares of
training faces follow from keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.keypoints import FIVE_NAMES, FIVE_RELATIONS, RELATIONS_68
from ..image.crop import Prediction, Squares, crop_square, rotation_matrices

if TYPE_CHECKING:
    from .predictor import Predictor

Eyes = Sequence[Sequence[int]]


@dataclass(frozen=True)
class SecondPass:
    """How the square of the second crop follows from the keypoints.

    The extent is the smallest upright rectangle around all keypoints, in a
    frame in which the line of the eyes is level. The side of the square is
    ``scale`` times the longer side of the extent. Its centre lies below the
    centre of the extent by ``shift`` times that side.

    Attributes:
        eyes: Two groups of keypoints, indices from 0. The mean of a group is
            the centre of an eye; the eye on the left of the image is first.
        scale: Side of the square, above 0.
        shift: Shift of the square in the direction from the eyes to the mouth.
        turn: Whether the square is rotated with the eyes. If not, the extent is
            measured in the frame of the image.
        merge: Whether :func:`merge` joins both predictions; if not, the second
            replaces the first.

    Raises:
        ValueError: If a value is not allowed.
    """

    eyes: Eyes
    scale: float
    shift: float = 0.0
    turn: bool = True
    merge: bool = True

    def __post_init__(self) -> None:
        if len(self.eyes) != 2 or not all(len(eye) for eye in self.eyes):
            raise ValueError(
                f'eyes={self.eyes!r}; give two groups of keypoints, such as '
                '((36, 39), (42, 45)).'
            )
        if not 0 < self.scale < np.inf or not np.isfinite(self.shift):
            raise ValueError(
                f'scale={self.scale}, shift={self.shift}; give finite '
                'numbers, and a scale above 0.'
            )

    @classmethod
    def known(cls, names: Sequence[str]) -> SecondPass:
        """Return the second pass that was measured for some keypoints.

        Medians over training faces, by
        ``python -m rcn_mmpose.lab.calibration.second_pass_fit``:

        ================== ===================== ===== ======
        keypoints          faces                 scale shift
        ================== ===================== ===== ======
        MTFL's five        9,000 of MTFL         2.919 -0.008
        300W's 68          1,809 of 300W         1.303 -0.006
        ================== ===================== ===== ======

        Args:
            names (Sequence[str]): Names of the keypoints.

        Raises:
            ValueError: If there is no measurement for these keypoints.
        """
        if tuple(names) == FIVE_NAMES:
            return cls(FIVE_RELATIONS['eyes'], 2.919, -0.008)
        if len(names) == 68:
            return cls(RELATIONS_68['eyes'], 1.303, -0.006)
        raise ValueError(
            f'a second pass is not known for the keypoints {list(names)[:5]}'
            f'{"..." if len(names) > 5 else ""} ({len(names)}); give '
            'second_pass=SecondPass(eyes, scale, shift); python -m '
            'rcn_mmpose.lab.calibration.second_pass_fit measures the values.'
        )

    def check(self, count: int) -> None:
        """Check that the eye indices exist.

        Args:
            count (int): Number of keypoints.

        Raises:
            ValueError: If an index is outside 0 to count - 1.
        """
        wrong = [i for eye in self.eyes for i in eye if not 0 <= i < count]
        if wrong:
            raise ValueError(
                f'eyes={self.eyes!r}: the model has no keypoint {wrong[0]!r}; '
                f'give indices from 0 to {count - 1}.'
            )

    def squares(self, keypoints: np.ndarray) -> Squares:
        """Return the squares of N faces.

        Args:
            keypoints (np.ndarray): Positions (x, y) in pixels, (N, K, 2).

        Returns:
            Squares: The squares, in the same pixels.
        """
        keypoints = np.asarray(keypoints, np.float64)
        low, high, turn, rotation = self.extent(keypoints)
        longer = (high - low).max(-1)
        middle = (low + high) / 2
        middle[:, 1] += self.shift * longer
        # From the level frame back to the frame of the image.
        centre = (turn @ middle[..., None])[..., 0]
        return Squares(centre, self.scale * longer, rotation)

    def extent(self, keypoints: np.ndarray) -> tuple[np.ndarray, ...]:
        """Measure the extents of N faces.

        Args:
            keypoints (np.ndarray): Positions (x, y) in pixels, (N, K, 2).

        Returns:
            tuple: The smallest and the largest (x, y) of the extents, (N, 2)
            each; the rotations from the level frame to the frame of the image,
            (N, 2, 2); their angles in degrees, (N,).
        """
        rotation = np.zeros(len(keypoints))
        if self.turn:
            left, right = (keypoints[:, list(e)].mean(1) for e in self.eyes)
            rotation = np.degrees(np.arctan2(*(right - left).T[::-1]))
        turn = rotation_matrices(rotation)
        level = keypoints @ turn
        return level.min(1), level.max(1), turn, rotation


def predict_again(
    model: Predictor,
    images: Sequence[np.ndarray],
    first: Prediction,
    second_pass: SecondPass | None = None,
) -> tuple[Prediction, float]:
    """Predict faces a second time, without merging.

    A face keeps its first prediction if its keypoints span no square, or a
    square outside the image.

    Args:
        model (Predictor): Predicts the crops.
        images (Sequence[np.ndarray]): The image of each of the N faces, uint8
            (H, W) grey or (H, W, 3) BGR.
        first (Prediction): First prediction, in pixels of the images.
        second_pass (SecondPass, optional): Defaults to the model's.

    Returns:
        tuple: The second prediction, in pixels of the images, and the run
        time of the network in seconds.

    Raises:
        ValueError: If neither the model nor the caller has a second pass.
    """
    size = model.info.input_size
    second_pass = second_pass or model.second_pass
    if second_pass is None:
        raise ValueError('this model predicts in one pass; give a second_pass.')
    squares = second_pass.squares(first[0])
    rows, crops = [], []
    for i, image in enumerate(images):
        if not squares.side[i] > 0:
            continue
        try:
            crops.append(
                crop_square(
                    image,
                    squares.centre[i],
                    squares.side[i],
                    size,
                    float(squares.rotation[i]),
                )
            )
        except ValueError:  # the square lies outside the image
            continue
        rows.append(i)
    start = perf_counter()
    if not rows:
        return first, 0.0
    found = model.predict_crops(np.stack(crops))
    seconds = perf_counter() - start
    found = squares.take(np.array(rows)).to_image(found, size[0])
    keypoints, confidence, covariance = (np.array(v, np.float64) for v in first)
    keypoints[rows], confidence[rows], covariance[rows] = found
    return (keypoints, confidence, covariance), seconds


def merge(first: Prediction, second: Prediction) -> Prediction:
    """Merge two predictions of the same faces, keypoint by keypoint.

    The merged position is the mean of both positions, weighted by the inverse
    of the variance (the trace of the covariance). The merged confidence is the
    mean of both confidences with the same weights. The merged covariance is the
    covariance of the mixture of both probability maps with these weights, around
    the merged position.

    Args:
        first (Prediction): First prediction, in pixels of the images.
        second (Prediction): Second prediction, in pixels of the images.

    Returns:
        Prediction: The merged prediction, in pixels of the images, float64.
    """
    variances = [np.trace(p[2], axis1=-2, axis2=-1) for p in (first, second)]
    total = variances[0] + variances[1]
    # The total is 0 if both maps have all probability in one cell.
    weight = np.divide(
        variances[1], total, out=np.full(total.shape, 0.5), where=total != 0
    )
    weights = weight, 1 - weight
    points = sum(
        w[..., None] * p[0] for w, p in zip(weights, (first, second), strict=True)
    )
    confidence = weights[0] * first[1] + weights[1] * second[1]
    covariance = np.zeros_like(points[..., None] * points[..., None, :])
    for w, p in zip(weights, (first, second), strict=True):
        off = (p[0] - points)[..., None]
        spread = p[2] + off @ off.swapaxes(-1, -2)
        covariance += w[..., None, None] * spread
    return points, confidence, covariance
