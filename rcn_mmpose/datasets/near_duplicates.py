"""Near-duplicate faces of a dataset, and a split that keeps them together."""

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np

SIDE = 32  # pixels of the aligned patch
# MTFL's five keypoints of a standard face, in eye distances from its centre.
TEMPLATE = np.array([(-0.5, -0.5), (0.5, -0.5), (0, 0), (-0.4, 0.5), (0.4, 0.5)])


def aligned_patch(grey: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Crop a face in a standard position.

    The least-squares similarity from the keypoints to the template fills a patch
    three template eye distances wide. The patch has mean 0 and length 1.

    Args:
        grey (np.ndarray): Image, uint8 of shape (H, W).
        keypoints (np.ndarray): MTFL's five, (5, 2).

    Returns:
        np.ndarray: float32 of shape (1024,); zeros for a flat patch.
    """
    target = TEMPLATE * (SIDE / 3)
    middle, target_middle = keypoints.mean(0), target.mean(0)
    # With complex numbers x + iy a similarity is one factor.
    z = (keypoints - middle) @ (1, 1j)
    w = (target - target_middle) @ (1, 1j)
    factor = (w * z.conj()).sum() / (abs(z) ** 2).sum()
    turn = np.array([(factor.real, -factor.imag), (factor.imag, factor.real)])
    move = target_middle + (SIDE - 1) / 2 - turn @ middle
    if abs(factor) < 0.5:  # a simple low-pass filter against aliasing of large faces
        grey = cv2.blur(grey, (round(1 / abs(factor)),) * 2)
    matrix = np.column_stack((turn, move))
    patch = cv2.warpAffine(grey, matrix, (SIDE, SIDE)).astype(np.float32)
    patch = patch.ravel() - patch.mean()
    length = np.linalg.norm(patch)
    return patch / length if length else patch


def group_duplicates(
    patches: np.ndarray,
    threshold: float = 0.96,
    block: int = 1000,
    photos: Sequence[str] | None = None,
) -> list[list[int]]:
    """Group the faces whose patches correlate above a threshold.

    Groups are transitive: a ~ b and b ~ c puts all three together.

    Args:
        patches (np.ndarray): From :func:`aligned_patch`, (N, 1024).
        threshold (float): Smallest correlation. Defaults to 0.96.
        block (int): Rows compared at a time, which bounds the memory.
        photos (Sequence[str], optional): The photo of each face; faces of
            one photo are in one group.

    Returns:
        list[list[int]]: Groups of ascending indices, singles included, in
        the order of their first member.
    """
    parent = list(range(len(patches)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for start in range(0, len(patches), block):
        near = patches[start : start + block] @ patches.T >= threshold
        for i, j in np.argwhere(near):
            a, b = sorted((root(start + int(i)), root(int(j))))
            parent[b] = a
    first: dict[str, int] = {}
    for i, photo in enumerate(photos or ()):
        a, b = sorted((root(first.setdefault(photo, i)), root(i)))
        parent[b] = a
    groups: dict[int, list[int]] = {}
    for i in range(len(patches)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def split_groups(
    names: Sequence[str],
    groups: Sequence[Sequence[int]],
    validation: int,
    seed: int = 0,
) -> tuple[list[int], list[int]]:
    """Split off a validation part without dividing a group.

    Groups are chosen in the order of a hash of their first name, so the split
    depends only on the names and the seed, not on the machine or a library.

    Args:
        names (Sequence[str]): One name a face.
        groups (Sequence[Sequence[int]]): From :func:`group_duplicates`.
        validation (int): Size of the validation part, exactly.
        seed (int): Another seed gives another split.

    Returns:
        tuple[list[int], list[int]]: Ascending indices of the training and of
        the validation faces.

    Raises:
        ValueError: If no such split exists.
    """

    def draw(group: Sequence[int]) -> str:
        text = f'{seed}:{min(names[i] for i in group)}'
        return hashlib.sha256(text.encode()).hexdigest()

    chosen: list[int] = []
    for group in sorted(groups, key=draw):
        if len(chosen) + len(group) <= validation:
            chosen += group
    if len(chosen) != validation or validation >= len(names):
        raise ValueError(
            f'cannot put aside {validation} of {len(names)} faces without '
            'splitting a group of near-duplicates; choose another number.'
        )
    rest = set(range(len(names))).difference(chosen)
    return sorted(rest), sorted(chosen)
