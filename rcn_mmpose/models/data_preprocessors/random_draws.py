"""Random numbers that depend on seed, epoch and face alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

DRAWS = 12  # for each face: three whole steps of the generator's counter


def uniform_draws(keys: np.ndarray, faces: int) -> np.ndarray:
    """Draw the numbers of a batch.

    Philox (Salmon et al.: Parallel random numbers: as easy as 1, 2, 3, SC
    2011) is a function of a key and a counter: here (seed, epoch) and the
    face's index. Whatever was drawn before has no part in it.

    Args:
        keys (np.ndarray): Seed, epoch and index of each face, int64 of shape
            (B, 3).
        faces (int): Number of faces in the data set, above every index; it
            does not change what is drawn.

    Returns:
        np.ndarray: In [0, 1), float64 of shape (B, 12).
    """
    draws = np.empty((len(keys), DRAWS))
    for seed, epoch in {(s, e) for s, e, _ in keys.tolist()}:
        rows = (keys[:, 0] == seed) & (keys[:, 1] == epoch)
        draws[rows] = _table(seed, epoch, faces)[keys[rows, 2]]
    return draws


@lru_cache(maxsize=2)
def _table(seed: int, epoch: int, faces: int) -> np.ndarray:
    """Draw the numbers of all faces for one epoch, (faces, 12)."""
    key = np.array((seed, epoch), np.uint64)
    # NumPy keeps the words the same for ever, not what is made of them
    words = np.random.Philox(key=key).random_raw(faces * DRAWS)
    return ((words >> 11) * 2.0**-53).reshape(faces, DRAWS)
