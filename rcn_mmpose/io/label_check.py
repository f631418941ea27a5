"""Hold the labels of faces against their images: facts that cannot all be true.

Faces may leave their image a little, boxes may be much larger than the keypoints,
images may be tiny, and unlabelled keypoints may be anywhere. Refused are labels
that no face can have: keypoints as fractions or percent of the image, most of them
outside the image or the box, boxes in another order than COCO's x, y, width,
height, and labels of an image of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .labels import Labels, corners_of, other_orders

# Part of the image's side by which the keypoints of a face may leave the image.
BEYOND = 0.1
# In an image below this side all keypoints of a face may lie within 1 pixel.
SMALL = 8
# Keypoints in percent show only in larger images.
PERCENT_SIDE = 200
# Number of faces, and share of the faces, that show the form of a file.
SEVERAL, FEW, SHARE = 3, 10, 0.1
ORDER = 'COCO has x, y, width, height.'


def check_labels(labels: Labels) -> None:
    """Check that labels and images do not contradict each other.

    Args:
        labels (Labels): All faces of a file, or one.

    Raises:
        ValueError: If they do. The message names the first image, what was
            found there, and the likely reason.
    """
    if not len(labels.images):
        return
    found = {**_of_faces(labels), **_of_file(labels)}
    if not found:
        return
    first = min(found)
    width, height = labels.sizes[first].tolist()
    size = f' of {width:g}x{height:g} pixels' if width > 0 < height else ''
    count = ''
    if len(labels.images) > 1:
        count = f'{len(found)} of {len(labels.images)} faces contradict their image. '
    raise ValueError(f'{count}Face in {labels.images[first]!r}{size}: {found[first]}')


def check_size(
    name: str,
    listed: Sequence[float],
    real: Sequence[float],
    stored: Sequence[float] = (),
) -> None:
    """Check that the labels were made on the image that is read.

    Args:
        name (str): The image.
        listed (Sequence[float]): Width and height in the annotation file, below 1
            if they are unknown.
        real (Sequence[float]): Width and height of the decoded image, rotated as its
            EXIF tag says.
        stored (Sequence[float], optional): Width and height without that rotation.
            By default, the file is not at hand.

    Raises:
        ValueError: If the sizes differ.
    """
    width, height = (round(float(side)) for side in listed)
    if min(width, height) < 1 or (width, height) == tuple(real):
        return
    reason = 'The image was resized or replaced after it was labelled'
    cure = 'Label this image, or restore the labelled one'
    if (width, height) == tuple(stored or reversed(real)):
        reason = (
            'The labels were made on the pixels without the rotation of the EXIF tag'
        )
        cure = 'Rotate the labels, or remove the tag from the image'
    raise ValueError(
        f'image {name!r} has {real[0]:g}x{real[1]:g} pixels, but the annotation file '
        f'says {width}x{height}. {reason}. {cure}, and correct width and height.'
    )


def _of_faces(labels: Labels) -> dict[int, str]:
    """Find the faces that cannot be as labelled, with the reasons."""
    sizes, points, labelled, boxes = labels[1:]
    known, count = labels.known, labelled.sum(1)
    low, high = labels.extent()
    found: dict[int, str] = {}

    def note(faces: Any, text: Callable[[int], str], reason: str) -> None:
        for i in np.flatnonzero(faces).tolist():
            found.setdefault(i, f'{text(i)} {reason}')

    def keypoints(i: int) -> str:
        return f'the keypoints lie from {_pair(low[i])} to {_pair(high[i])}.'

    def bbox(i: int) -> str:
        return f'bbox is {np.round(boxes[i], 2).tolist()}.'

    def both(i: int) -> str:
        return f'{keypoints(i)[:-1]}, and {bbox(i)}'

    side = np.where(known, sizes.min(1), np.nan_to_num(boxes[:, 2:].max(1)))
    within_1 = (count > 0) & (low >= -0.5).all(1) & (high <= 1.5).all(1)
    # One keypoint may lie in the corner, but not that of every face.
    all_within = len(points) >= SEVERAL and within_1.all()
    note(
        within_1 & (side > SMALL) & ((count > 1) | all_within),
        keypoints,
        'They look like fractions of the image: multiply them by width and height.',
    )
    note(
        (boxes[:, 2:] < 0).any(1),
        bbox,
        f'A side is negative: are the corners swapped? {ORDER}',
    )
    scaled = (boxes >= 0).all(1) & (boxes <= 1.5).all(1) & (boxes[:, 2:] > 0).all(1)
    note(
        scaled & (side > SMALL),
        bbox,
        'It looks like fractions of the image: multiply it by width and height.',
    )
    limit = sizes[:, None]
    outside = (points < -0.5 - BEYOND * limit) | (points > (1 + BEYOND) * limit - 0.5)
    most = known & (2 * (outside.any(-1) & labelled).sum(1) > count)
    note(
        most & (high <= sizes[:, ::-1]).all(1),
        keypoints,
        'Most are outside the image, but fit one with width and height swapped. Are '
        'x and y swapped (row, column), or were the labels made without the '
        'rotation of the EXIF tag?',
    )
    note(
        most,
        keypoints,
        'Most are outside the image. Were the labels made on an image of another '
        'size, or on another image?',
    )
    # Half a side more on each side, as a box may be tight.
    corners = corners_of(boxes)
    boxed = (boxes[:, 2:] > 0).all(1) & (count > 0)
    lost = boxed & (labels.held(corners, 0.5) < 0.5)
    swapped = labels._replace(points=points[..., ::-1])
    note(
        lost & (swapped.held(corners, 0) > 0.5),
        both,
        'The box holds the keypoints only with x and y swapped (row, column).',
    )
    for name, other in other_orders(boxes).items():
        note(lost & (labels.held(other, 0) == 1), both, _only(name))
    note(
        lost,
        both,
        'The box does not hold the keypoints. Are both of the same face, and in '
        'pixels of the same image?',
    )
    far = boxed & (labels.held(corners, 0.05) < 0.25)
    if len(points) >= SEVERAL and 2 * far.sum() > len(points):
        note(
            far,
            both,
            'As in most faces of the file, the box does not hold the keypoints. Are '
            'both in pixels of the same image?',
        )
    return found


def _of_file(labels: Labels) -> dict[int, str]:
    """Find contradictions that only the faces of a file together show."""
    total = len(labels.points)
    low, high = labels.extent()
    if (
        total >= SEVERAL
        and np.median(labels.sizes.min(1)) > PERCENT_SIDE
        and (low >= 0).all()
        and (high <= 100).all()
        and (high > 1.5).any()
    ):
        return {
            0: 'the keypoints of all faces lie between 0 and 100, and the images are '
            'larger. They look like percent: multiply them by width / 100 and height '
            '/ 100.'
        }
    mirrored = _mirrored(labels)
    if 2 * total > FEW and mirrored.mean() > 0.9:
        text = (
            'the 68 keypoints are in the order of 300W, but mirrored. Are x and y '
            'swapped (row, column), or left and right?'
        )
        return dict.fromkeys(np.flatnonzero(mirrored).tolist(), text)
    boxed = np.flatnonzero((labels.boxes[:, 2:] > 0).all(1))
    if not len(boxed):
        return {}
    part = Labels([], *(values[boxed] for values in labels[1:]))
    found = _other_reading(part)
    return {int(boxed[i]): text for i, text in found.items()}


def _other_reading(labels: Labels) -> dict[int, str]:
    """Find the faces whose labels fit only if they are read in another way."""
    boxes, points, sizes = labels.boxes, labels.points, labels.sizes
    corners, total = corners_of(boxes), len(boxes)
    declared = labels.fit(corners)
    fits = {
        _only(name): labels.fit(other) for name, other in other_orders(boxes).items()
    }
    fits['The box holds the keypoints only with x and y swapped (row, column).'] = (
        labels._replace(points=points[..., ::-1]).fit(corners)
    )
    percent = points * np.where(sizes > 0, sizes, np.nan)[:, None] / 100
    fits['The box holds the keypoints only if these are percent of the image.'] = (
        labels._replace(points=percent).fit(corners)
    )
    for reason, other in fits.items():
        better = other.good & other.inside & ~declared.possible
        if total < SEVERAL:  # a single box may leave its image for other reasons
            better &= declared.held < 0.5
        # Boxes x1, y1, x2, y2 near the top left need not leave their image as
        # x, y, width, height, but then no face is in the middle of its box.
        off = np.median(declared.off, 0).min()
        if (
            total >= SEVERAL
            and other.good.mean() >= 0.9
            and off > 0.08
            and np.median(other.off, 0).max() < off / 2
        ):
            better = other.good
        elif better.sum() < max(1, (0.5 if total <= FEW else SHARE) * total):
            continue
        return {
            int(i): f'bbox is {np.round(boxes[i], 2).tolist()}. {reason}'
            for i in np.flatnonzero(better)
        }
    return {}


def _only(name: str) -> str:
    """Return the reason for boxes in another order."""
    return f'The box fits the keypoints and the image only as {name}. {ORDER}'


def _mirrored(labels: Labels) -> np.ndarray:
    """Mask of the faces with the mirror image of 300W's 68 keypoints, bool (N,)."""
    points = labels.points
    if points.shape[1] != 68:
        return np.zeros(len(points), bool)
    first, second, mouth = (
        points[:, part].mean(1)
        for part in (slice(36, 42), slice(42, 48), slice(48, 68))
    )
    eyes, down = second - first, mouth - (first + second) / 2
    turn = eyes[:, 0] * down[:, 1] - eyes[:, 1] * down[:, 0]
    return labels.labelled[:, 36:].all(1) & (turn < 0)


def _pair(point: np.ndarray) -> str:
    """Format a position."""
    x, y = point.tolist()
    return f'({x:.4g}, {y:.4g})'
