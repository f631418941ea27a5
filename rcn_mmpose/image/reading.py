"""Read images and boxes from the forms that callers pass.

:func:`decode_image` is the only image decoder of the package.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Literal

import cv2
import numpy as np

from .conversion import (
    advice,
    decode_deep,
    from_pil,
    from_tensor,
    is_pil,
    is_tensor,
    to_8_bits,
)
from .limits import LONGEST_SIDE, MOST_PIXELS

PNG = b'\x89PNG\r\n\x1a\n'
# Grey values of a file of 14 bits that is decoded as one of 16 bits.
DARK = 64
# JPEG markers that start a frame, in any coding.
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# JPEG markers without a length.
ALONE = {0x00, 0x01, *range(0xD0, 0xD8)}


def read_image(image: Any) -> np.ndarray:
    """Return an image as an array.

    Args:
        image: A path (decoded in colour and rotated by its EXIF tag), a
            ``PIL.Image``, an array: uint8, (H, W) or (H, W, 1) grey or
            (H, W, 3) in OpenCV's order BGR, or a tensor in torchvision's form, see
            :func:`rcn_mmpose.image.conversion.from_tensor`. Arrays and files of
            16 bits are reduced, see :func:`rcn_mmpose.image.conversion.to_8_bits`.

    Returns:
        np.ndarray: uint8 grey or BGR.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file or array is not a valid image.
        TypeError: If the argument has another type.
    """
    if isinstance(image, (str, os.PathLike)):
        array = _decode(os.fspath(image))
    elif isinstance(image, np.ndarray):
        array = image
    elif is_pil(image):
        array = from_pil(image)
    elif is_tensor(image):
        array = from_tensor(image)
    else:
        raise TypeError(
            f'an image of type {type(image).__name__}; give a path, a '
            'PIL.Image (for a file in memory: PIL.Image.open(io.BytesIO(x))) or a '
            'numpy array (numpy.asarray(x)).'
        )
    if array.dtype.kind == 'u' and array.dtype.itemsize == 2:
        array = to_8_bits(array)
    channels = array.shape[2:] or (1,)
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or channels not in ((1,), (3,))
        or not array.size
    ):
        raise ValueError(
            f'an image of shape {array.shape} and type {array.dtype}; give '
            f'uint8 (H, W) grey or (H, W, 3) BGR.{advice(array)}'
        )
    return array


def image_name(image: Any) -> str:
    """Return the path of an image, or an empty text for an image in memory."""
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    return ''


def is_image(value: Any) -> bool:
    """Whether a value is one image, not several; it need not be a valid one."""
    if isinstance(value, np.ndarray):
        names = value.ndim == 1 and value.dtype.kind in 'OU'
        return value.ndim < 4 and not names
    if isinstance(value, (list, tuple)):
        return False
    if isinstance(value, (str, bytes, os.PathLike)) or is_pil(value):
        return True
    # Arrays of other libraries, tensors and open files.
    return getattr(value, 'ndim', None) in (2, 3) or hasattr(value, 'read')


def as_images(images: Any) -> list:
    """Return several images as a list.

    Raises:
        TypeError: If the value is neither one image nor several.
        ValueError: If there is no image.
    """
    try:
        found = list(images)
    except TypeError as error:
        raise TypeError(
            f'images of type {type(images).__name__}; give one (a path, a '
            'PIL.Image or a numpy array) or a list of them.'
        ) from error
    if not found:
        raise ValueError(
            'no images; give one (a path, a PIL.Image or an array) or a list of at '
            'least one.'
        )
    return found


def as_boxes(boxes: Any, where: str = '') -> np.ndarray:
    """Return the boxes of one image as an array.

    Args:
        boxes: N boxes (x1, y1, x2, y2), or a single one.
        where (str): Name of the image, for the error message.

    Returns:
        np.ndarray: float64 (N, 4). The values are not checked.

    Raises:
        ValueError: If a box is not four numbers.
    """
    if not isinstance(boxes, (np.ndarray, list)) and is_tensor(boxes):
        boxes = boxes.detach().cpu().double().numpy()
    try:
        array = np.asarray(boxes, np.float64)
        if array.size == 0 and len(boxes) == 0:
            return np.zeros((0, 4))
    except (TypeError, ValueError, RuntimeError):
        array = np.zeros((0, 0))
    if array.shape == (4,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(
            f'boxes{where} are {boxes!r:.200}; give (x1, y1, x2, y2) in '
            'pixels for each face of an image: (N, 4) numbers.'
        )
    return array


def boxes_of_images(boxes: Any, count: int, alone: bool) -> list[np.ndarray | None]:
    """Return the boxes of each image as an array.

    Args:
        boxes: One entry for each image, or None for no boxes.
        count (int): Number of images.
        alone (bool): Whether the caller gave a single image, not a list.

    Returns:
        list: For each image float64 (N, 4), or None for no boxes.

    Raises:
        ValueError: If the boxes do not match the images.
    """
    if boxes is None:
        return [None] * count
    if not hasattr(boxes, '__len__'):
        boxes = list(boxes)
    if len(boxes) != count:
        raise ValueError(
            f'{count} images, but boxes for {len(boxes)}; give one entry for each '
            'image of a list: its boxes (N, 4), or an empty list.'
        )
    return [
        as_boxes(entry, '' if alone else f' of image {i}')
        for i, entry in enumerate(boxes)
    ]


def decode_image(
    content: bytes, path: str, advice: str = 'convert it to JPEG or PNG.'
) -> np.ndarray:
    """Decode the content of an image file and rotate it by its EXIF tag.

    Args:
        content (bytes): All of the file.
        path (str): Its name, for the error message.
        advice (str): How to fix a file that cannot be decoded, for the error
            message.

    Returns:
        np.ndarray: uint8 (H, W, 3) BGR.

    Raises:
        ValueError: If the image is too large, incomplete or not an image.
    """
    check_size(content, path)
    array: np.ndarray | None = None
    if content and is_whole(content):
        try:
            array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # the size in the header is absurd
            array = None
        if array is None or array.max() <= DARK:
            deep = decode_deep(content, path)
            array = array if deep is None else deep
    if array is None:
        raise ValueError(
            f'image {path!r} ({len(content)} bytes) is corrupt or cut short, '
            f'or not in a format that OpenCV can decode; {advice}'
        )
    return array


def stored_size(content: bytes) -> tuple[int, int]:
    """Return width and height of an image without the rotation of its EXIF tag.

    Args:
        content (bytes): All of a file that :func:`decode_image` decodes.
    """
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    array = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    height, width = array.shape
    return width, height


def check_size(content: bytes, path: str) -> None:
    """Check the size of an image by its header, before it is decoded.

    Args:
        content (bytes): All of the file.
        path (str): Its name, for the error message.

    Raises:
        ValueError: If the header claims more pixels than
            ``rcn_mmpose.image.limits.MOST_PIXELS``, or a side longer than
            ``rcn_mmpose.image.limits.LONGEST_SIDE``.
    """
    width, height = claimed_size(content)
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise ValueError(
            f'image {path!r} claims {width}x{height} pixels; at most '
            f'{MOST_PIXELS}, and {LONGEST_SIDE} a side, are decoded. Make it '
            'smaller.'
        )


def is_whole(content: bytes) -> bool:
    """Whether a PNG is complete; other formats are assumed to be.

    OpenCV 4.12 allocates the claimed size of a PNG chunk, up to 4 GB, before
    it checks that the chunk is there.

    Args:
        content (bytes): All of a file.
    """
    if not content.startswith(PNG):
        return True
    place, kind = len(PNG), b''
    while place < len(content) and kind != b'IEND':
        length = int.from_bytes(content[place : place + 4], 'big')
        kind = content[place + 4 : place + 8]
        place += 12 + length  # length, kind and checksum have 4 bytes each
    return place <= len(content)


def claimed_size(content: bytes) -> tuple[int, int]:
    """Read the size of an image from its header.

    Args:
        content (bytes): All of a file.

    Returns:
        tuple[int, int]: Width and height in pixels; (0, 0) for other formats
        than PNG, GIF, BMP and JPEG.
    """

    def numbers(
        start: int, size: int, order: Literal['little', 'big']
    ) -> tuple[int, int]:
        parts = (content[start + i * size :][:size] for i in range(2))
        first, second = (int.from_bytes(part, order) for part in parts)
        return first, second

    if content.startswith(PNG):
        return numbers(16, 4, 'big')
    if content.startswith((b'GIF87a', b'GIF89a')):
        return numbers(6, 2, 'little')
    if content.startswith(b'BM'):  # A negative height means rows from top to bottom.
        width, height = numbers(18, 4, 'little')
        return width, min(height, 2**32 - height)
    if content.startswith(b'\xff\xd8'):
        place = 2
        # Like libjpeg, skip any bytes between two segments.
        while (place := content.find(b'\xff', place)) >= 0:
            marker = int.from_bytes(content[place + 1 : place + 2], 'big')
            if marker in FRAMES:
                height, width = numbers(place + 5, 2, 'big')
                return width, height
            if marker == 0xFF:
                place += 1
            elif marker in ALONE:
                place += 2
            else:
                length = content[place + 2 : place + 4]
                place += 2 + int.from_bytes(length, 'big')
    return 0, 0


def _decode(path: str) -> np.ndarray:
    """Read and decode an image file, BGR."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            # Reading a pipe would wait; a device may never end.
            raise ValueError(
                f'image {path!r} cannot be read: it is a folder, a pipe or '
                'a device; give a file.'
            )
        with open(path, 'rb') as file:
            content = file.read()
    except FileNotFoundError as error:
        raise FileNotFoundError(f'image {path!r} does not exist.') from error
    except OSError as error:
        raise ValueError(f'image {path!r} cannot be read: {error.strerror}.') from error
    return decode_image(content, path)
