"""Independent random streams, one for each part of an image.

Each part of an image (pose, light, glasses, ...) draws from its own stream.
A change of one part therefore leaves all other parts as they were.
"""

from enum import IntEnum

import numpy as np

Seed = int | np.random.SeedSequence


class Stream(IntEnum):
    """The number of each random stream of an image.

    The number is part of the seed. Another number renders other faces, so a
    value never changes and a new part takes a new number.
    """

    POSE = 0
    IDENTITY = 1
    EXPRESSION = 2
    SKIN_AND_COVER = 3  # skin colour, then hair or hat
    LOOK = 4  # colours of lips and irises, beard, make-up
    CAMERA = 5  # distance, size and place of the face
    LIGHT = 6
    GLASSES = 7
    CLOTHES = 8
    RELIEF = 9  # uneven flesh
    PAINT = 10  # spots, hairs, wrinkles
    SURROUNDINGS = 11  # background, then shoulders
    REFLECTIONS = 12  # on the glasses
    OCCLUDERS = 13
    CAMERA_FAULTS = 14  # blur, noise, contrast
    JPEG = 20  # quality of the compression


class Streams:
    """Random generators derived from one seed.

    ``SeedSequence.spawn`` counts its children, so a second call would return
    another generator. Here the generator depends on the stream's number alone.

    Args:
        seed (int | np.random.SeedSequence): Root of all streams.
    """

    def __init__(self, seed: Seed) -> None:
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(seed)
        self._seed = seed

    def part(self, stream: Stream) -> np.random.Generator:
        """Return a new generator for a part of the image.

        Args:
            stream (Stream): The part.

        Returns:
            np.random.Generator: In the same state at every call for the same
            part.
        """
        return np.random.default_rng(child(self._seed, int(stream)))


def child(seed: np.random.SeedSequence, *number: int) -> np.random.SeedSequence:
    """Derive a seed from another seed and a number.

    The result depends on the arguments alone.

    Args:
        seed (np.random.SeedSequence): Parent; it is not changed.
        *number (int): Number of the child, one or more integers.

    Returns:
        np.random.SeedSequence: The child.
    """
    return np.random.SeedSequence(
        entropy=seed.entropy,
        spawn_key=(*seed.spawn_key, *number),
        pool_size=seed.pool_size,
    )


def triangular(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw a number from a symmetric triangular distribution.

    Args:
        rng (np.random.Generator): Random numbers.
        span (tuple[float, float]): Lowest and highest value.

    Returns:
        float: The number; the middle of the range is the most likely.
    """
    low, high = span
    return low + (high - low) * (rng.random() + rng.random()) / 2
