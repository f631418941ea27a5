"""Loading a picture as grey."""

import cv2
import numpy as np
from mmcv.image import imfrombytes
from mmcv.transforms import BaseTransform
from mmengine.fileio import get

from ...crop import to_grey
from ...inference.pictures import check_size, is_whole
from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadGreyImage(BaseTransform):
    """Load a picture from its file, or take the array given, as grey.

    A file is decoded in colour and converted by the same function as an
    array, so both give the same crop.

    Required keys: ``img_path`` or ``img``, (H, W) grey or (H, W, 3) BGR,
    uint8. Added keys: ``img`` (H, W) uint8, ``img_shape``, ``ori_shape``.

    Args:
        backend_args (dict, optional): Where files lie (MMEngine's back ends).
            Defaults to the local disk.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no whole picture or too large to decode, or
            the array no uint8 picture.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load the picture of one sample."""
        img = results.get('img')
        if img is None:
            img = self._read(results['img_path'])
        results['img'] = to_grey(img)
        results.setdefault('img_path', None)
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results

    def _read(self, path: str) -> np.ndarray:
        """Decode a file, BGR."""
        try:
            content = get(path, self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'picture {path!r} does not exist; is data_prefix the folder '
                'its annotation file refers to?'
            ) from error
        except (KeyError, ValueError) as error:  # such as a://b, or a NUL
            raise ValueError(
                f'picture {path!r} is no name of a file that MMEngine can '
                f'read ({error}); correct the annotation file.'
            ) from error
        check_size(content, path)
        img = None
        if content and is_whole(content):
            try:
                img = imfrombytes(content, flag='color')
            except cv2.error:  # absurd sizes in its header
                img = None
        if img is None:
            raise ValueError(
                f'picture {path!r} ({len(content)} bytes) is corrupt or cut '
                'short; copy it again from the original data set, or remove '
                'the face from the annotation file.'
            )
        return img
