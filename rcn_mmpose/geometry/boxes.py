"""Face boxes: which square of an image the network sees.

Boxes are (x1, y1, x2, y2) in pixels. The crop is the square itself, with no
further margin. Three rules:

- 5 keypoints, the paper's: :func:`box_from_eyes_and_mouth`
- any keypoints, the paper's for 68: :func:`box_from_extent`
- a face detector's box: :func:`box_from_detection`
"""

import numpy as np


def box_from_eyes_and_mouth(
    keypoints: np.ndarray, image_size: tuple[int, int], margin: float = 0.95
) -> np.ndarray:
    """Box five keypoints by the rule of the paper's code for MTFL.

    The square around the eyes and mouth corners (the nose tip is left out)
    grows on every side by ``margin`` times the larger of two distances: eye
    to eye, and between the midpoints of the eyes and of the mouth corners. A
    box that leaves the image is shifted back, then shrunk if it is larger
    than the image; it is never padded.

    Args:
        keypoints (np.ndarray): Left eye, right eye, nose tip, left and right
            mouth corner as (x, y), of shape (5, 2).
        image_size (tuple): Width and height of the image.
        margin (float): Defaults to 0.95, about 2.9 eye distances a side.

    Returns:
        np.ndarray: The box, of shape (4,).

    Raises:
        ValueError: If there are not five keypoints, or all coincide.
    """
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.shape != (5, 2):
        raise ValueError(
            f'keypoints of shape {keypoints.shape}; this rule takes the five '
            'of MTFL, (5, 2). Use box_from_extent for others.'
        )
    eyes, mouth = keypoints[:2], keypoints[3:]
    reach = max(
        np.linalg.norm(eyes[1] - eyes[0]),
        np.linalg.norm(eyes.mean(0) - mouth.mean(0)),
    )
    corners = np.concatenate((eyes, mouth))
    low, high = corners.min(0), corners.max(0)
    side = (high - low).max() + 2 * margin * reach
    _check_side(side, keypoints)
    side = min(side, *image_size)
    start = (low + high - side) / 2
    start = np.clip(start, 0, np.array(image_size) - side)
    return np.concatenate((start, start + side))


def box_from_extent(keypoints: np.ndarray, scale: float = 1.3) -> np.ndarray:
    """Box any keypoints by the rule of the paper's code for 300W.

    The tight square around all keypoints, enlarged about its centre. It may
    leave the image, which counts as black there.

    Args:
        keypoints (np.ndarray): Positions (x, y), of shape (K, 2).
        scale (float): Factor of the side. Defaults to 1.3.

    Returns:
        np.ndarray: The box, of shape (4,).

    Raises:
        ValueError: If all keypoints coincide or one is not finite, or the
            shape is wrong.
    """
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.ndim != 2 or keypoints.shape[1] != 2 or not keypoints.size:
        raise ValueError(f'keypoints of shape {keypoints.shape}, not (K, 2).')
    low, high = keypoints.min(0), keypoints.max(0)
    side = (high - low).max() * scale
    _check_side(side, keypoints)
    start = (low + high - side) / 2
    return np.concatenate((start, start + side))


def box_from_detection(
    box: np.ndarray, scale: float = 1.10, shift: float = 0.07
) -> np.ndarray:
    """Turn a face detector's box into a crop.

    A square whose side is ``scale`` times the longer side of the box, around
    a centre lowered by ``shift`` times that side. The defaults are the
    medians between MTCNN's boxes and :func:`box_from_eyes_and_mouth` on the
    MTFL training faces; another detector may want other values.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        scale (float): Factor of the side. Defaults to 1.10.
        shift (float): Downward shift. Defaults to 0.07.

    Returns:
        np.ndarray: The box, of shape (4,).

    Raises:
        ValueError: If the box is empty or not finite.
    """
    box = np.asarray(box, dtype=np.float64)
    longer = (box[2:] - box[:2]).max()
    if not (box[2:] > box[:2]).all() or not np.isfinite(box).all():
        raise ValueError(
            f'box {box.tolist()} is empty; give (x1, y1, x2, y2) with x1 < '
            'x2 and y1 < y2.'
        )
    centre = (box[:2] + box[2:]) / 2 + (0, shift * longer)
    half = scale * longer / 2
    return np.concatenate((centre - half, centre + half))


def _check_side(side: float, keypoints: np.ndarray) -> None:
    """Refuse keypoints that span no box."""
    if not np.isfinite(side) or side <= 0:
        raise ValueError(
            f'keypoints {keypoints.tolist()} span no box: they coincide or '
            'are not finite.'
        )
