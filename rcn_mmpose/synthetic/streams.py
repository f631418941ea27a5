"""Independent random streams, one for each part of an image."""

import numpy as np

Seed = int | np.random.SeedSequence


class Streams:
    """Random generators derived from one seed.

    ``SeedSequence.spawn`` counts its children and so would give something
    else at a second call; here the part's number alone decides.

    Args:
        seed (int | np.random.SeedSequence): Root of all streams.
    """

    def __init__(self, seed: Seed) -> None:
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(seed)
        self._seed = seed

    def part(self, *number: int) -> np.random.Generator:
        """Return a fresh generator for a part.

        Args:
            *number (int): Which part.

        Returns:
            np.random.Generator: Always in the same state for a number.
        """
        return np.random.default_rng(child(self._seed, *number))


def child(seed: np.random.SeedSequence, *number: int) -> np.random.SeedSequence:
    """Derive a seed; a pure function of its arguments.

    Args:
        seed (np.random.SeedSequence): Parent, not changed.
        *number (int): Which child.

    Returns:
        np.random.SeedSequence: The child.
    """
    return np.random.SeedSequence(
        entropy=seed.entropy,
        spawn_key=(*seed.spawn_key, *number),
        pool_size=seed.pool_size,
    )


def triangular(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw from a range, its middle more often than its ends.

    Args:
        rng (np.random.Generator): Source.
        span (tuple[float, float]): Lowest and highest value.

    Returns:
        float: The number.
    """
    low, high = span
    return low + (high - low) * (rng.random() + rng.random()) / 2
