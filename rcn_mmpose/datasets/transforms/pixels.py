"""Transforms that read or change pixels: loading, occlusion and LCN."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.fileio import get

from ...image.crop import to_grey
from ...image.lcn import local_contrast_normalize
from ...image.reading import decode_image, stored_size
from ...io.label_check import check_labels, check_size
from ...io.labels import Labels
from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadGreyImage(BaseTransform):
    """Load an image from a file or an array as grey.

    A file is decoded in colour and converted by the same function as an
    array, so that both give the same crop.

    Required keys: ``img_path`` or ``img``, (H, W) grey or (H, W, 3) BGR,
    uint8. Added keys: ``img`` (H, W) uint8, ``img_shape``, ``ori_shape``.

    Labels of an image file are held against it: its size against ``listed_size``
    (width and height in the annotation file) or, without a size, the keypoints and
    the box.

    Args:
        backend_args (dict, optional): File backend of MMEngine. Defaults to the
            local disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a complete image or too large to decode,
            the array is not a uint8 image, or the labels contradict the image.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load the image of one sample."""
        img = results.get('img')
        if img is None:
            img = self._read(results['img_path'])
            self._check(results, img.shape[1::-1])
        results['img'] = to_grey(img)
        results.setdefault('img_path', None)
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results

    def _check(self, results: dict, size: tuple[int, int]) -> None:
        """Check the labels of one sample against the size of its image."""
        path, listed = results['img_path'], results.get('listed_size', (0, 0))
        if min(listed) >= 1:
            if tuple(listed) != size:
                content = get(path, self.backend_args)
                check_size(path, listed, size, stored_size(content))
        elif results.get('keypoints') is not None:
            points = np.asarray(results['keypoints'], float)[0, :, :2]
            seen = results.get('keypoints_visible', np.ones((1, len(points))))
            labelled = seen[0].reshape(len(points), -1)[:, 0] > 0
            inside = points[labelled]
            # Nearly all faces; the whole check would take longer than decoding.
            if not (
                len(inside)
                and inside.min() >= 0
                and (inside.max(0) < size).all()
                and inside.max() > 1.5
            ):
                check_labels(Labels.of_face(path, size, points, labelled))

    def _read(self, path: str) -> np.ndarray:
        """Decode a file, BGR."""
        try:
            content = get(path, self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'image {path!r} does not exist; is data_prefix the folder '
                'its annotation file refers to?'
            ) from error
        except (KeyError, ValueError) as error:  # such as a://b, or a NUL
            raise ValueError(
                f'image {path!r} is not a file name that MMEngine can '
                f'read ({error}); correct the annotation file.'
            ) from error
        return decode_image(
            content,
            path,
            'copy it again from the original dataset, or remove the face from '
            'the annotation file.',
        )


@TRANSFORMS.register_module()
class RandomOcclusion(BaseTransform):
    """Blacken a random rectangle inside the crop (paper, footnote 9).

    This transform comes after the crop and before LCN. Modified key: ``img``.
    Required key if there is a seed: ``id``.

    Args:
        sides (tuple[float, float]): Smallest and largest side as a part of
            the crop's; height and width are drawn separately. Defaults to
            20 and 50 of 80 pixels.
        prob (float): Probability of a rectangle. Defaults to 1.
        seed (int, optional): Seed that makes the draws of a face the same every
            time, for tests. Defaults to None, for training.

    Raises:
        ValueError: If a value is outside [0, 1] or the sides are swapped.
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
        random: Any = np.random
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


@TRANSFORMS.register_module()
class LCN(BaseTransform):
    """Normalise the local contrast of a grey crop on the CPU.

    This is for models with a data preprocessor other than ``LCNDataPreprocessor``,
    which does the same on the device. It comes after the crop and the occlusion.

    Modified key: ``img``, (H, W) uint8 to float32, centred at 0.5.
    """

    def transform(self, results: dict) -> dict:
        """Normalise one crop."""
        img = torch.from_numpy(results['img'])
        results['img'] = local_contrast_normalize(img[None, None])[0, 0].numpy()
        return results
