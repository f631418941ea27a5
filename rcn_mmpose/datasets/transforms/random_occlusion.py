"""A black rectangle over a crop (paper, footnote 9)."""

import numpy as np
from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomOcclusion(BaseTransform):
    """Blacken one random rectangle that lies fully inside the crop.

    Comes after the crop and before LCN. Modified key: ``img``; needs ``id``
    if there is a seed.

    Args:
        sides (tuple[float, float]): Smallest and largest side as a part of
            the crop's; height and width are drawn separately. Defaults to
            20 and 50 of 80 pixels.
        prob (float): Probability of a rectangle. Defaults to 1.
        seed (int, optional): Draw for each face the same at every time, as
            tests want it. Defaults to none, as training wants it.

    Raises:
        ValueError: If a value lies outside [0, 1] or the sides are swapped.
    """

    def __init__(
        self,
        sides: tuple[float, float] = (20 / 80, 50 / 80),
        prob: float = 1,
        seed: int | None = None,
    ) -> None:
        low, high = sides
        if not (0 < low <= high <= 1 and 0 <= prob <= 1):
            raise ValueError(
                f'sides={tuple(sides)}, prob={prob}; give 0 < smallest <= '
                'largest <= 1 and a probability.'
            )
        self.sides = (low, high)
        self.prob = prob
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Occlude one crop."""
        random = np.random
        if self.seed is not None:
            random = np.random.RandomState((self.seed, results['id']))
        if random.uniform() >= self.prob:
            return results
        img = results['img'].copy()
        spans = []
        for length in img.shape[:2]:
            low, high = (max(1, round(side * length)) for side in self.sides)
            side = random.randint(low, high + 1)
            start = random.randint(0, length - side + 1)
            spans.append(slice(start, start + side))
        img[tuple(spans)] = 0
        results['img'] = img
        return results
