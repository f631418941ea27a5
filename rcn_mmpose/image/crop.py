"""Square crops of an image: grey conversion, warp, and the way back.

The transforms of the pipelines and the predictors share these functions, so
that equal boxes give equal crops. :func:`crop_square` cuts a square out of an
image. :class:`Squares` maps a prediction for crops back to the image. The
module needs NumPy and OpenCV only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# (x, y)
Point = Sequence[float] | np.ndarray
# Keypoints (N, K, 2), confidence (N, K), covariance (N, K, 2, 2)
Prediction = tuple[np.ndarray, np.ndarray, np.ndarray]
# Bounds the memory for an absurdly large box.
MAX_OVERSAMPLING = 64
# Margin in pixels that bilinear interpolation may read beyond its samples.
RIM = 2
# OpenCV's warp has 16-bit coordinates.
LARGEST = 32766


def to_grey(img: np.ndarray) -> np.ndarray:
    """Convert an image to grey by OpenCV's weights (0.114, 0.587, 0.299).

    Args:
        img (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3) BGR.

    Returns:
        np.ndarray: uint8 of shape (H, W).

    Raises:
        ValueError: For any other shape or type.
    """
    if img.dtype == np.uint8 and img.size:
        if img.ndim == 3 and img.shape[2] == 3:
            return cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)
        if img.ndim == 2 or (img.ndim == 3 and img.shape[2] == 1):
            return img.reshape(img.shape[:2])
    raise ValueError(
        f'an image of shape {img.shape} and type {img.dtype}; give uint8 '
        '(H, W) grey or (H, W, 3) BGR.'
    )


def oversampling(side: float, width: int) -> int:
    """Return the number of samples along each side of a pixel of the crop.

    Args:
        side (float): Width of the square in pixels of the image.
        width (int): Width of the crop in pixels.
    """
    n = math.ceil(float(side) / width - 1e-6)
    return min(max(n, 1), MAX_OVERSAMPLING)


def warp(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], n: int
) -> np.ndarray:
    """Warp an image, averaging n x n samples a pixel.

    Args:
        image (np.ndarray): uint8 (H, W).
        matrix (np.ndarray): Affine map (2, 3), float64, from pixels (x, y) of
            the image to pixels of the result.
        size (tuple): Width and height of the result.
        n (int): Samples along each side of a pixel.

    Returns:
        np.ndarray: uint8, black beyond the image.
    """
    # The mean of fine pixels n*x to n*x + n - 1 is pixel x of the crop.
    matrix = matrix * n
    matrix[:, 2] += (n - 1) / 2
    width, height = size
    fine = cv2.warpAffine(
        image, matrix, (width * n, height * n), flags=cv2.INTER_LINEAR
    )
    if n == 1:
        return fine
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)


def upright_matrix(centre: Point, side: float, size: tuple[int, int]) -> np.ndarray:
    """Return the map from an upright square to a crop.

    Intermediate values are rounded like in MMPose's ``get_warp_matrix``, so
    that equal boxes give equal crops.

    Args:
        centre (Point): Centre (x, y) of the square, float32 values.
        side (float): Side of the square in pixels, a float32 value.
        size (tuple): Width and height of the crop, which are equal.

    Returns:
        np.ndarray: Affine map (2, 3), float64.
    """
    x, y = centre
    return cv2.getAffineTransform(
        _corner(x, y, side / 2),
        _corner(size[0] / 2, size[1] / 2, size[0] / 2),
    )


def _corner(x: float, y: float, reach: float) -> np.ndarray:
    """Return three points: a centre, the point left of it, and one below that."""
    left = np.float32(x - reach)
    below = np.float32(y) + (np.float32(x) - left)
    return np.array(((x, y), (left, y), (left, below)), np.float32)


def turned_matrix(
    centre: Point,
    side: float,
    size: tuple[int, int],
    rotation: float,
) -> np.ndarray:
    """Return the map from a rotated square to a crop.

    Like MMPose's ``get_warp_matrix``, but in float64 throughout.

    Args:
        centre (Point): Centre (x, y) of the square.
        side (float): Side of the square in pixels.
        size (tuple): Width and height of the crop, which are equal.
        rotation (float): In degrees, see :func:`crop_square`.

    Returns:
        np.ndarray: Affine map (2, 3), float64.
    """
    # Not rotation_matrices: NumPy's cosine may differ from
    # math.cos in the last bit, and is slower for a single angle.
    angle, zoom = math.radians(rotation), size[0] / side
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    (x, y), middle = centre, size[0] / 2
    return np.array(
        (
            (cos, sin, middle - cos * x - sin * y),
            (-sin, cos, middle + sin * x - cos * y),
        )
    )


def crop_square(
    image: np.ndarray,
    centre: Point,
    side: float,
    size: tuple[int, int],
    rotation: float = 0.0,
) -> np.ndarray:
    """Cut a square out of an image.

    Only the part of the image that the square covers is converted to grey.

    Args:
        image (np.ndarray): uint8, (H, W) or (H, W, 1) grey or (H, W, 3)
            BGR.
        centre (Point): Centre (x, y) of the square in pixels.
        side (float): Side of the square in pixels.
        size (tuple): Width and height of the crop, which are equal.
        rotation (float): Rotation of the square about its centre in degrees,
            clockwise. A face with the same roll is upright in the crop.
            Defaults to 0.

    Returns:
        np.ndarray: uint8 (height, width), black beyond the image.

    Raises:
        ValueError: If the square does not touch the image or is too large,
            or the array is not an image.
    """
    # Plain numbers: NumPy is slow for arrays of two values.
    x, y, side = (float(np.float32(v)) for v in (*centre, side))
    height, width = image.shape[:2]
    reach = side / 2
    if rotation:
        angle = math.radians(rotation)
        reach *= abs(math.cos(angle)) + abs(math.sin(angle))
    if not (-reach < x < width + reach and -reach < y < height + reach):
        raise ValueError(
            f'the square around ({x:g}, {y:g}) with a side of {side:g} '
            f'pixels lies outside the image of {width}x{height} pixels; '
            'give boxes (x1, y1, x2, y2) in pixels of this image.'
        )
    # Samples of the outermost pixels lie up to half a pixel of the crop outside.
    rim = RIM + math.ceil(reach / size[0])
    left, top = (max(0, math.floor(v - reach) - rim) for v in (x, y))
    right = min(width, math.ceil(x + reach) + rim)
    bottom = min(height, math.ceil(y + reach) + rim)
    if max(right - left, bottom - top) > LARGEST:
        raise ValueError(
            f'a square with a side of {side:g} pixels; OpenCV warps parts of '
            f'an image of up to {LARGEST} pixels a side. Make the image '
            'smaller.'
        )
    part = to_grey(image[top:bottom, left:right])
    if rotation:
        matrix = turned_matrix((x, y), side, size, rotation)
    else:
        matrix = upright_matrix((x, y), side, size)
    matrix[0, 2] += matrix[0, 0] * left + matrix[0, 1] * top
    matrix[1, 2] += matrix[1, 0] * left + matrix[1, 1] * top
    return warp(part, matrix, size, oversampling(side, size[0]))


def rotation_matrices(degrees: np.ndarray) -> np.ndarray:
    """Return 2x2 rotations.

    In image coordinates, where y points down, a positive angle turns
    clockwise.

    Args:
        degrees (np.ndarray): Angles, (N,).

    Returns:
        np.ndarray: (N, 2, 2), in the float type of the angles.
    """
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack((cos, -sin, sin, cos), -1).reshape(-1, 2, 2)


@dataclass(frozen=True)
class Squares:
    """N squares of an image.

    Attributes:
        centre: (x, y) in pixels of the image, float64 (N, 2).
        side: In pixels, float64 (N,).
        rotation: In degrees, clockwise, float64 (N,).
    """

    centre: np.ndarray
    side: np.ndarray
    rotation: np.ndarray

    @classmethod
    def upright(cls, squares: Sequence[tuple[np.ndarray, float]]) -> Squares:
        """Make upright squares of pairs (centre, side)."""
        count = len(squares)
        centre = np.array([c for c, _ in squares], float).reshape(count, 2)
        side = np.array([s for _, s in squares], float)
        return cls(centre, side, np.zeros(count))

    def __len__(self) -> int:
        """Return N."""
        return len(self.side)

    def take(self, rows: np.ndarray | slice) -> Squares:
        """Return the squares of some rows."""
        return Squares(self.centre[rows], self.side[rows], self.rotation[rows])

    def to_image(self, prediction: Prediction, width: int) -> Prediction:
        """Map the prediction for crops back to the image.

        Args:
            prediction (Prediction): For the N crops, in their pixels.
            width (int): Of a crop in pixels.

        Returns:
            Prediction: Positions in pixels of the image and covariance in
            its squared pixels, both float64. The confidence is unchanged.
        """
        points, confidence, covariance = prediction
        turn = rotation_matrices(self.rotation) * (self.side / width)[:, None, None]
        # The crop's corner (0, 0) is the square's.
        corner = self.centre - turn.sum(-1) * (width / 2)
        points = points @ turn.swapaxes(1, 2) + corner[:, None]
        spread = turn[:, None] @ covariance @ turn[:, None].swapaxes(2, 3)
        return points, confidence, spread
