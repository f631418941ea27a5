"""Bounding boxes: box rules, overlap, and matching of boxes to faces.

A box is (x1, y1, x2, y2) in pixels.

A box rule chooses the square of an image that the network sees. The crop is
the square itself, with no further margin. :data:`BOX_RULES` lists all rules:

- ``given``: the box as it is, :func:`box_from_given`
- ``detection``: from a face detector's box, :func:`box_from_detection`
- ``eyes_and_mouth``: from MTFL's five keypoints, :func:`box_from_eyes_and_mouth`
- ``extent``: from any keypoints, the paper's rule for 300W's 68,
  :func:`box_from_extent`

Each rule returns a finite box with an area or raises a ValueError.

:func:`overlap` computes the intersection over union (IoU) of boxes,
:func:`drop_duplicates` drops duplicate detections of a face, and
:func:`match_boxes` matches detected boxes to annotated faces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

# Smallest intersection over union of a face and its box, as in PASCAL VOC.
LEAST_OVERLAP = 0.5


class BoxRule(NamedTuple):
    """One way to choose the box of a face.

    Attributes:
        source: What the rule needs, a ``'box'`` or ``'keypoints'``.
        options: Names of its numeric options.
    """

    source: Literal['box', 'keypoints']
    options: tuple[str, ...]


BOX_RULES = {
    'given': BoxRule('box', ()),
    'detection': BoxRule('box', ('scale', 'shift', 'sideways')),
    'eyes_and_mouth': BoxRule('keypoints', ('margin',)),
    'extent': BoxRule('keypoints', ('scale',)),
}


def check_training_boxes(boxes: Mapping[str, Mapping]) -> None:
    """Raise a ValueError unless training boxes can be used.

    Args:
        boxes (Mapping): See :mod:`rcn_mmpose.geometry.training_boxes`.
    """
    numbers = BOX_RULES['detection'].options
    rules = [name for name, rule in BOX_RULES.items() if rule.source == 'keypoints']
    for source, options in boxes.items() if isinstance(boxes, Mapping) else [('', {})]:
        given = dict(options) if isinstance(options, Mapping) else {}
        if source == 'keypoints' and given.get('rule') in rules and len(given) == 1:
            continue
        # NumPy cannot judge whole numbers beyond 64 bits.
        finite = all(
            isinstance(v, (int, float)) and abs(v) <= 1e6 for v in given.values()
        )
        if not given or not set(given) <= set(numbers) or not finite:
            break
        if not given.get('scale', 1) > 0:
            break
    else:
        return
    raise ValueError(
        f'training_boxes={boxes!r:.300}; give for each detector finite numbers '
        f'{numbers}, with a scale above 0.'
    )


def training_rule(keypoints: int) -> Literal['eyes_and_mouth', 'extent']:
    """Name the box rule of this project's datasets by their number of keypoints.

    Args:
        keypoints (int): 5 for MTFL's; other sets are boxed by their extent.
    """
    return 'eyes_and_mouth' if keypoints == 5 else 'extent'


def box_from_box(rule: str, box: np.ndarray, **options: float) -> np.ndarray:
    """Apply a rule that needs a box.

    Args:
        rule (str): ``'given'`` or ``'detection'``.
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        **options (float): Options of the rule.

    Returns:
        np.ndarray: The box, of shape (4,).

    Raises:
        ValueError: If the box is empty or not finite.
    """
    if rule == 'detection':
        return box_from_detection(box, **options)
    return box_from_given(box)


def box_from_keypoints(
    rule: str,
    keypoints: np.ndarray,
    image_size: tuple[int, int],
    **options: float,
) -> np.ndarray:
    """Apply a rule that needs keypoints.

    Args:
        rule (str): ``'eyes_and_mouth'`` or ``'extent'``.
        keypoints (np.ndarray): Positions (x, y), of shape (K, 2).
        image_size (tuple): Width and height of the image.
        **options (float): Options of the rule.

    Returns:
        np.ndarray: The box, float64 of shape (4,).

    Raises:
        ValueError: If the keypoints span no box, or their shape is wrong.
    """
    if rule == 'eyes_and_mouth':
        return box_from_eyes_and_mouth(keypoints, image_size, **options)
    return box_from_extent(keypoints, **options)


def box_from_given(box: np.ndarray) -> np.ndarray:
    """Check a box and return it.

    The float type is kept: float32 boxes give the same crop as in training,
    bit for bit.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).

    Returns:
        np.ndarray: The same box.

    Raises:
        ValueError: If the box is empty or not finite.
    """
    if not _spans(box):
        raise ValueError(
            f'box {box.tolist()} is empty or not finite; give (x1, y1, x2, y2) '
            'with x1 < x2 and y1 < y2.'
        )
    return box


def box_from_eyes_and_mouth(
    keypoints: np.ndarray, image_size: tuple[int, int], margin: float = 0.95
) -> np.ndarray:
    """Box five keypoints like the 2016 release for MTFL.

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
        np.ndarray: The box, float64 of shape (4,).

    Raises:
        ValueError: If there are not five keypoints, or they span no box.
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
    # Before the image bounds the side: an infinite one must not become finite.
    if not (np.isfinite(side) and side > 0):
        raise _no_box(keypoints)
    side = min(side, *image_size)
    start = (low + high - side) / 2
    start = np.clip(start, 0, np.array(image_size) - side)
    return _checked(np.concatenate((start, start + side)), keypoints)


def box_from_extent(keypoints: np.ndarray, scale: float = 1.3) -> np.ndarray:
    """Box any keypoints like the 2016 release for 300W.

    The box is the tight square around all keypoints, enlarged about its
    centre. It may leave the image, which counts as black there.

    Args:
        keypoints (np.ndarray): Positions (x, y), of shape (K, 2).
        scale (float): Factor of the side. Defaults to 1.3.

    Returns:
        np.ndarray: The box, float64 of shape (4,).

    Raises:
        ValueError: If the keypoints span no box, or their shape is wrong.
    """
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.ndim != 2 or keypoints.shape[1] != 2 or not keypoints.size:
        raise ValueError(f'keypoints of shape {keypoints.shape}, not (K, 2).')
    low, high = keypoints.min(0), keypoints.max(0)
    side = (high - low).max() * scale
    start = (low + high - side) / 2
    return _checked(np.concatenate((start, start + side)), keypoints)


def box_from_detection(
    box: np.ndarray, scale: float = 1.10, shift: float = 0.07, sideways: float = 0.0
) -> np.ndarray:
    """Turn a face detector's box into a crop.

    The crop is a square whose side is ``scale`` times the longer side of the
    box, around a centre lowered by ``shift`` times that side, and moved to the
    right by ``sideways`` times that side. The defaults
    are the medians between MTCNN's boxes and :func:`box_from_eyes_and_mouth`
    on the MTFL training faces; another detector may want other values.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        scale (float): Factor of the side. Defaults to 1.10.
        shift (float): Downward shift. Defaults to 0.07.
        sideways (float): Shift to the right. Defaults to 0.

    Returns:
        np.ndarray: The box, float64 of shape (4,).

    Raises:
        ValueError: If the box is empty or not finite, or so large that its
            square is not.
    """
    box = box_from_given(np.asarray(box, dtype=np.float64))
    longer = (box[2:] - box[:2]).max()
    centre = (box[:2] + box[2:]) / 2 + (sideways * longer, shift * longer)
    half = scale * longer / 2
    square = np.concatenate((centre - half, centre + half))
    if not _spans(square):
        raise ValueError(
            f'box {box.tolist()} makes the square {square.tolist()}, which is '
            'empty or not finite; give a smaller box, or another scale and shift.'
        )
    return square


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union (IoU) of a box with other boxes.

    Args:
        box (np.ndarray): (x1, y1, x2, y2), of shape (4,).
        others (np.ndarray): Boxes with an area, (N, 4).

    Returns:
        np.ndarray: In [0, 1], (N,).
    """
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = (others[:, 2:] - others[:, :2]).prod(-1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared)


def drop_duplicates(boxes: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Drop duplicate boxes of a face; the most confident box stays.

    Two boxes are duplicates if they share more than 30 % of their union, or
    60 % of the smaller box.

    Args:
        boxes (np.ndarray): (x1, y1, x2, y2) with an area, of shape (N, 4).
        confidence (np.ndarray): Of any scale, (N,).

    Returns:
        np.ndarray: The boxes kept, in their order, (M, 4).
    """
    return boxes[rows_without_duplicates(boxes, confidence)]


def rows_without_duplicates(boxes: np.ndarray, confidence: np.ndarray) -> list[int]:
    """Return the rows of the boxes that :func:`drop_duplicates` keeps, sorted."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    kept: list[int] = []
    for i in np.argsort(-confidence, kind='stable').tolist():
        part = overlap(boxes[i], boxes[kept])
        shared = part / (1 + part) * (areas[i] + areas[kept])
        smaller = np.minimum(areas[i], areas[kept])
        if not ((part > 0.3) | (shared > 0.6 * smaller)).any():
            kept.append(i)
    return sorted(kept)


def match_boxes(
    true: np.ndarray, found: np.ndarray, least: float = LEAST_OVERLAP
) -> list[int | None]:
    """Match detected boxes to faces, each at most once.

    The pair with the largest intersection over union is matched first.

    Args:
        true (np.ndarray): Boxes of the N faces of an image, (x1, y1, x2,
            y2) with an area, (N, 4).
        found (np.ndarray): A detector's boxes of that image, (M, 4).
        least (float): Threshold of the intersection over union; a pair below
            it does not match. Defaults to 0.5.

    Returns:
        list[int | None]: For each face the index of its box, or None for a
        missed face.
    """
    matches: list[int | None] = [None] * len(true)
    pairs = sorted(
        (-share, face, box)
        for face, corners in enumerate(true)
        for box, share in enumerate(overlap(corners, found).tolist())
        if share >= least
    )
    taken = set()
    for _, face, box in pairs:
        if matches[face] is None and box not in taken:
            matches[face] = box
            taken.add(box)
    return matches


def _spans(box: np.ndarray) -> bool:
    """Whether a box is finite and has an area."""
    return bool(np.isfinite(box).all() and (box[2:] > box[:2]).all())


def _checked(box: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Return a box of keypoints if it is finite and has an area."""
    if not _spans(box):
        raise _no_box(keypoints)
    return box


def _no_box(keypoints: np.ndarray) -> ValueError:
    """Return the error for keypoints that span no box."""
    return ValueError(
        f'keypoints {keypoints.tolist()} span no box: they coincide, or are '
        'not finite or too large.'
    )
