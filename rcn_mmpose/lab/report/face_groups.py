"""Groups of faces by keypoint geometry and by annotated attributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...geometry.keypoints import FIVE_NAMES, five_from_68

# Upper ends of the bins; the last bin has no upper end.
YAW = (0.1, 0.25)
ROLL = (10.0, 20.0)
EYES = (25.0, 50.0, 100.0)
# An attribute with more values is a measurement or a name.
MOST_VALUES = 6


def yaw_of(five: np.ndarray) -> float:
    """Estimate the yaw of a face, without a unit.

    The value is the distance from the nose tip to the line between the midpoint
    of the eyes and the midpoint of the mouth corners, divided by the length of
    the line: about 0 for a frontal face, 0.4 for a profile (medians of the five
    poses of MTFL, from left to right: 0.38, 0.26, 0.07, 0.23, 0.36).

    Args:
        five (np.ndarray): The five keypoints of MTFL, (5, 2).
    """
    eyes, mouth = five[:2].mean(0), five[3:].mean(0)
    (x, y), (nose_x, nose_y) = mouth - eyes, five[2] - eyes
    return float(abs(x * nose_y - y * nose_x) / (x * x + y * y))


def roll_of(left: np.ndarray, right: np.ndarray) -> float:
    """Return the angle between the line of the eyes and the horizontal, degrees."""
    x, y = right - left
    return float(abs(np.degrees(np.arctan2(y, x))))


def group_faces(
    faces: Sequence[dict],
    names: Sequence[str],
    eyes: tuple | None,
) -> dict[str, dict[str, np.ndarray]]:
    """Group faces by all criteria that their annotations allow.

    Args:
        faces (Sequence[dict]): N faces as the datasets of MMPose return them.
        names (Sequence[str]): Names of the keypoints.
        eyes (tuple, optional): Two groups of keypoints, the corners or the
            centre of each eye.

    Returns:
        dict: By criterion and group, whether each face belongs to the group,
        bool (N,). No group is empty, and every criterion has two or more
        groups.
    """
    points = [face['keypoints'][0].astype(float) for face in faces]
    groups: dict[str, dict[str, np.ndarray]] = {}
    five = None
    if tuple(names) == FIVE_NAMES:
        five = points
    elif len(names) == 68:
        five = [five_from_68(face) for face in points]
    if five is not None:
        groups['yaw'] = _bins([yaw_of(f) for f in five], YAW)
    if eyes is not None:
        ends = [[face[list(e)].mean(0) for e in eyes] for face in points]
        groups['roll, degrees'] = _bins([roll_of(*e) for e in ends], ROLL)
        apart = [float(np.linalg.norm(right - left)) for left, right in ends]
        groups['eye distance, pixels'] = _bins(apart, EYES)
    raw = [face.get('raw_ann_info') or {} for face in faces]
    hidden = np.array(
        [any(flag == 1 for flag in ann.get('keypoints', ())[2::3]) for ann in raw]
    )
    groups['keypoints'] = {'all visible': ~hidden, 'some hidden': hidden}
    attributes = [ann.get('attributes') or {} for ann in raw]
    for key in dict.fromkeys(k for entry in attributes for k in entry):
        values = [entry.get(key) for entry in attributes]
        distinct = {repr(value): value for value in values}
        if len(distinct) > MOST_VALUES:
            continue
        groups[key] = {
            str(distinct[text]): np.array([repr(v) == text for v in values])
            for text in sorted(distinct)
        }
    filled = {
        criterion: {name: rows for name, rows in parts.items() if rows.any()}
        for criterion, parts in groups.items()
    }
    return {c: parts for c, parts in filled.items() if len(parts) > 1}


def _bins(values: Sequence[float], ends: Sequence[float]) -> dict[str, np.ndarray]:
    """Sort values into bins; a bin does not include its upper end."""
    place = np.digitize(values, ends)
    names = [f'below {ends[0]:g}']
    names += [f'{a:g} to {b:g}' for a, b in zip(ends, ends[1:], strict=False)]
    names.append(f'from {ends[-1]:g}')
    return {name: place == i for i, name in enumerate(names)}
