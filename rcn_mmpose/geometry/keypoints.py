"""Keypoint sets: names, lines, mirror pairs, eyes, normalisers, and conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

FIVE_NAMES = (
    'left_eye',
    'right_eye',
    'nose_tip',
    'left_mouth_corner',
    'right_mouth_corner',
)
# flip_pairs: keypoints that swap in a mirrored image. eyes: the centre of an
# eye is the mean of the keypoints of its group.
FIVE_RELATIONS = dict(flip_pairs=[[0, 1], [3, 4]], eyes=[[0], [1]])
# Normaliser of the error: the distance between the means of two groups.
FIVE_NORMALISERS = dict(eye_points=((0,), (1,)))
# Pairs of keypoints that a drawing joins by a line.
FIVE_LINES = ((0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4))

# 300W's 68 keypoints (landmarks), counted from 0; left and right are those of
# the image. Name of each part, number of its keypoints, whether its line is
# closed.
PARTS_68 = (
    ('jaw', 17, False),
    ('left_eyebrow', 5, False),
    ('right_eyebrow', 5, False),
    ('nose_bridge', 4, False),
    ('nose_base', 5, False),
    ('left_eye', 6, True),
    ('right_eye', 6, True),
    ('outer_lip', 12, True),
    ('inner_lip', 8, True),
)
NAMES_68 = tuple(
    f'{part}_{i}' for part, count, _ in PARTS_68 for i in range(1, count + 1)
)
# MMPose's names, which this package used up to version 0.1 and still reads.
NUMBERED_68 = tuple(f'kpt-{i}' for i in range(68))


def _lines_68() -> tuple[tuple[int, int], ...]:
    """Join the neighbours in each part of the 68."""
    lines, first = [], 0
    for _, count, closed in PARTS_68:
        last = first + count - 1
        lines += [(i, i + 1) for i in range(first, last)]
        lines += [(last, first)] if closed else []
        first += count
    return tuple(lines)


LINES_68 = _lines_68()
TODAYS_NAMES = {NUMBERED_68: NAMES_68}  # by the names of older files
# Lines of the keypoint sets that are known by their names.
KNOWN_LINES = {FIVE_NAMES: FIVE_LINES, NAMES_68: LINES_68, NUMBERED_68: LINES_68}
RELATIONS_68 = dict(
    flip_pairs=[
        *([i, 16 - i] for i in range(8)),
        *([i, 43 - i] for i in range(17, 22)),
        *([31, 35], [32, 34]),
        *([36, 45], [37, 44], [38, 43], [39, 42], [40, 47], [41, 46]),
        *([48, 54], [49, 53], [50, 52], [55, 59], [56, 58]),
        *([60, 64], [61, 63], [65, 67]),
    ],
    # The midpoints of the eye corners, as in the paper.
    eyes=[[36, 39], [42, 45]],
)
NORMALISERS_68 = dict(eye_centres=((36, 39), (42, 45)), outer_corners=((36,), (45,)))
REGIONS_68 = dict(
    contour=tuple(range(17)),
    brows=tuple(range(17, 27)),
    nose=tuple(range(27, 36)),
    eyes=tuple(range(36, 48)),
    mouth=tuple(range(48, 68)),
)
# Without the contour and the inner corners of the mouth (paper, Table 4).
GROUPS_68 = {'49': tuple(i for i in range(17, 68) if i not in (60, 64))}


def _parts(*parts: str, count: int) -> dict:
    """Describe the subset of some parts of 300W; it is complete with ``count``."""
    return dict(field='attributes.part', values=list(parts), count=count)


# What a test on 300W reports separately.
TESTED_68 = dict(
    normalisers=NORMALISERS_68,
    keypoint_groups=GROUPS_68,
    keypoint_regions=REGIONS_68,
    face_subsets=dict(
        common=_parts('HELEN test', 'LFPW test', count=554),
        challenging=_parts('IBUG', count=135),
        helen_test=_parts('HELEN test', count=330),
        lfpw_test=_parts('LFPW test', count=224),
    ),
)


def current_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of keypoints, with today's names for 300W's 68.

    Args:
        names (Sequence[str]): K names. The 68 names ``kpt-0`` to ``kpt-67`` of
            older files and of MMPose become :data:`NAMES_68`.
    """
    names = tuple(names)
    return TODAYS_NAMES.get(names, names)


def known_lines(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of keypoints that a drawing joins by a line.

    Args:
        names (Sequence[str]): K names, such as those of MTFL's five keypoints
            or of 300W's 68; other sets have no known lines.

    Returns:
        tuple: Pairs of indices from 0. (COCO's ``skeleton`` counts from 1.)
    """
    return KNOWN_LINES.get(tuple(names), ())


def skeleton_info(
    names: Sequence[str],
    lines: Sequence[tuple[int, int]],
    colors: Sequence[tuple[int, int, int]],
) -> dict[int, dict[str, Any]]:
    """Describe lines as ``skeleton_info`` of MMPose's metainfo.

    Args:
        names (Sequence[str]): K names.
        lines (Sequence[tuple[int, int]]): Pairs of indices from 0.
        colors (Sequence[tuple[int, int, int]]): RGB of each keypoint, from 0 to
            255; a line has the colour of its first keypoint.
    """
    return {
        i: dict(link=(names[a], names[b]), id=i, color=colors[a])
        for i, (a, b) in enumerate(lines)
    }


def are_groups(value: Any, count: int) -> bool:
    """Whether a value is a list of non-empty lists of indices below ``count``."""
    sequences = (list, tuple)
    return isinstance(value, sequences) and all(
        isinstance(group, sequences)
        and group
        and all(isinstance(i, int) and 0 <= i < count for i in group)
        for group in value
    )


def eye_normaliser(eyes: Sequence[Sequence[int]]) -> dict:
    """Return the normaliser by the distance between two eyes.

    Args:
        eyes (Sequence[Sequence[int]]): Two groups of keypoints; the mean
            of a group is the centre of an eye.

    Returns:
        dict: The groups, named ``eye_points`` if each group is one keypoint
        and ``eye_centres`` otherwise.
    """
    name = 'eye_points' if max(map(len, eyes)) == 1 else 'eye_centres'
    return {name: tuple(tuple(group) for group in eyes)}


def five_from_68(keypoints: np.ndarray) -> np.ndarray:
    """Reduce 300W's 68 keypoints to MTFL's five.

    The centre of an eye is the mean of its six keypoints. The nose tip and
    the mouth corners are keypoints of the 68.

    Args:
        keypoints (np.ndarray): Positions (x, y), of shape (68, 2).

    Returns:
        np.ndarray: Of shape (5, 2).
    """
    return np.stack(
        (
            keypoints[36:42].mean(0),
            keypoints[42:48].mean(0),
            keypoints[30],
            keypoints[48],
            keypoints[54],
        )
    )
