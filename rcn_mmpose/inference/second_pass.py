r"""A second look at a face, by the keypoints found first.

The first keypoints say where the face lies, how large it is and how it leans,
often better than a detector's box does. The second crop is the square that
the training boxes of such keypoints are, turned with the line of the eyes, so
that the network sees the face upright. What is returned is the mean of both
passes, each weighted by the inverse of its variance: the second one alone is
not always better, see docs/robustness.md.

How training boxes follow from keypoints is measured by
 :mod:`rcn_mmpose.lab.calibration.second_pass_fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.keypoints import FIVE_NAMES, FIVE_RELATIONS, RELATIONS_68
from ..geometry.squares import Prediction, Squares, rotation_matrices
from ..image.crop import crop_square

if TYPE_CHECKING:
    from .predictor import Predictor

Eyes = Sequence[Sequence[int]]


@dataclass(frozen=True)
class SecondPass:
    """From keypoints to the square of the second crop.

    In the frame in which the line of the eyes is level, the keypoints have an
    extent, the smallest upright rectangle around all of them. The square has
    ``scale`` times its longer side, and lies lower by ``shift`` times that
    side.

    Attributes:
        eyes: Two groups of keypoints, indices from 0, whose means are the
            eyes' centres, the left one as seen in the image first.
        scale: Above 0.
        shift: In the direction from the eyes to the mouth.
        turn: Whether the square turns with the eyes. If not, the frame is the
            image's.
        merge: Whether :func:`merge` joins both passes, or the second replaces
            the first.

    Raises:
        ValueError: If a value is not one of the above.
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
        """Return the one that was measured for some keypoints.

        Medians over training faces, by the command above:

        ================== ===================== ===== ======
        keypoints          faces                 scale shift
        ================== ===================== ===== ======
        MTFL's five        9,000 of MTFL         2.919 -0.008
        300W's 68          1,809 of 300W         1.303 -0.006
        ================== ===================== ===== ======

        Args:
            names (Sequence[str]): Of the keypoints.

        Raises:
            ValueError: If they are neither.
        """
        if tuple(names) == FIVE_NAMES:
            return cls(FIVE_RELATIONS['eyes'], 2.919, -0.008)
        if len(names) == 68:
            return cls(RELATIONS_68['eyes'], 1.303, -0.006)
        raise ValueError(
            f'a second pass is not known for the keypoints {list(names)[:5]}'
            f'{"..." if len(names) > 5 else ""} ({len(names)}); give '
            'second_pass=SecondPass(eyes, scale, shift), as python -m '
            'rcn_mmpose.inference.second_pass measures it.'
        )

    def check(self, count: int) -> None:
        """Refuse eyes that are none of so many keypoints.

        Raises:
            ValueError: If an index is outside 0 .. count - 1.
        """
        wrong = [i for eye in self.eyes for i in eye if not 0 <= i < count]
        if wrong:
            raise ValueError(
                f'eyes={self.eyes!r}: the model has no keypoint {wrong[0]!r}; '
                f'give indices from 0 to {count - 1}.'
            )

    def squares(self, keypoints: np.ndarray) -> Squares:
        """Choose the squares of N faces.

        Args:
            keypoints (np.ndarray): Positions (x, y) in pixels, (N, K, 2).

        Returns:
            Squares: In the same pixels.
        """
        keypoints = np.asarray(keypoints, np.float64)
        low, high, turn, rotation = self.extent(keypoints)
        longer = (high - low).max(-1)
        middle = (low + high) / 2
        middle[:, 1] += self.shift * longer
        # from the level frame back to the image's
        centre = (turn @ middle[..., None])[..., 0]
        return Squares(centre, self.scale * longer, rotation)

    def extent(self, keypoints: np.ndarray) -> tuple[np.ndarray, ...]:
        """Measure the extent.

        Returns:
            tuple: Its least and largest (x, y), (N, 2) each; the maps from
            the level frame to the image's, (N, 2, 2); their angles in
            degrees, (N,).
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
    """Predict faces a second time; nothing is merged here.

    A face whose first keypoints span no square, or one outside its image,
    keeps what was predicted first.

    Args:
        model (Predictor): The network, its crop's size and second pass.
        images (Sequence[np.ndarray]): Of the N faces, each uint8 (H, W)
            grey or (H, W, 3) BGR.
        first (Prediction): In pixels of the images.
        second_pass (SecondPass, optional): Defaults to the model's.

    Returns:
        tuple: The second prediction, in pixels of the images, and the
        seconds that the network took.
    """
    size = model.info.input_size
    squares = (second_pass or model.second_pass).squares(first[0])
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
        except ValueError:  # it lies outside
            continue
        rows.append(i)
    start = perf_counter()
    if not rows:
        return first, 0.0
    found = model.predict(np.stack(crops))
    seconds = perf_counter() - start
    found = squares.take(np.array(rows)).to_image(found, size[0])
    both = tuple(np.array(values, np.float64) for values in first)
    for values, new in zip(both, found, strict=True):
        values[rows] = new
    return both, seconds


def merge(first: Prediction, second: Prediction) -> Prediction:
    """Join two predictions of the same faces, keypoint by keypoint.

    Positions are weighted by the inverse of their variance, the trace of the
    covariance. The rest is that of the mixture of both probability maps with
    these weights: the covariance about the joint position, and as the
    confidence the mean of both.

    Args:
        first (Prediction): In pixels of the images.
        second (Prediction): The same.

    Returns:
        Prediction: The same, float64.
    """
    variances = [np.trace(p[2], axis1=-2, axis2=-1) for p in (first, second)]
    total = variances[0] + variances[1]
    # 0 where both maps have all in one cell, the same way
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
