"""Read images and boxes from the forms that callers pass.

:func:`decode_image` is the only image decoder of the package.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

import cv2
import numpy as np

from .claims import ImageHeader
from .conversion import (
    advice,
    decode_deep,
    from_pil,
    from_tensor,
    is_pil,
    is_tensor,
    to_8_bits,
)
from .headers import read_header
from .limits import (
    LONGEST_SIDE,
    MOST_MEMORY,
    MOST_PIXELS,
    MOST_SCANNED,
    MOST_SCANS,
)

# Grey values of a file of 14 bits that is decoded as one of 16 bits.
DARK = 64
# JPEG markers that start a frame, in any coding.
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN, END = 0xDA, 0xD9
# The next JPEG marker; bytes between two segments are skipped, as libjpeg does.
# Markers without a length are skipped, too.
MARKER = re.compile(rb'\xff([^\x00\x01\xd0-\xd7\xff])')
# A JPEG has some ten segments; an ICC profile or a comment can add hundreds.
MOST_SEGMENTS = 10_000


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
    header = check_size(content, path)
    array: np.ndarray | None = None
    if header and header.whole:
        try:
            array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # the size in the header is absurd
            array = None
        if header.deep and (array is None or array.max() <= DARK):
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
    array: Any = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    height, width = array.shape
    return width, height


def check_size(content: bytes, path: str) -> ImageHeader | None:
    """Check the size of an image by its header, before it is decoded.

    Args:
        content (bytes): All of the file.
        path (str): Its name, for the error message.

    Returns:
        ImageHeader | None: What the header claims; None if the file is in no format
        that is decoded, or its header cannot be read.

    Raises:
        ValueError: If the image exceeds a limit of
            :mod:`rcn_mmpose.image.limits`.
    """
    header = read_jpeg(content) if content[:2] == b'\xff\xd8' else read_header(content)
    if not header:
        return None
    width, height = header.width, header.height
    claim = f'image {path!r} claims {width}x{height} pixels'
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise ValueError(
            f'{claim}; at most {MOST_PIXELS}, and {LONGEST_SIDE} a side, are decoded. '
            'Make it smaller.'
        )
    if header.fault:
        raise ValueError(f'image {path!r} {header.fault}')
    if header.memory > MOST_MEMORY:
        raise ValueError(
            f'{claim}, and decoding them takes up to {header.memory / 1e9:.1f} GB in '
            f'this format; at most {MOST_MEMORY / 1e9:g} GB are used. Make it smaller, '
            'or convert it to JPEG or PNG of 8 bits.'
        )
    most = min(MOST_SCANS, MOST_SCANNED // max(1, width * height))
    if header.scans > most:
        raise ValueError(
            f'{claim} in {header.scans} scans; at most {most} scans are decoded in '
            'this size. Save it as a baseline JPEG.'
        )
    return header


def read_jpeg(content: bytes) -> ImageHeader | None:
    """Read size and number of scans of a JPEG.

    Args:
        content (bytes): All of a file.

    Returns:
        ImageHeader | None: None if there is no frame, or too many segments.
    """
    place, scans, frame = 2, 0, 0
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(content, place)
        marker = found[1][0] if found else END
        if not found or marker == END:
            break
        place = found.end()
        if marker in FRAMES and not frame:
            frame = place
        scans += marker == START_OF_SCAN
        place += max(2, _number(content, place))
    else:
        return None
    if not frame:
        return None
    height, width = _number(content, frame + 3), _number(content, frame + 5)
    cost = 6.5
    if scans > 1:  # all coefficients are kept until the last scan
        cost = 9.5 if content[frame + 7 : frame + 8] <= b'\3' else 11.5
    return ImageHeader(width, height, width * height * cost, scans=scans)


def _number(content: bytes, place: int) -> int:
    """Return a number of two bytes in a JPEG."""
    return int.from_bytes(content[place : place + 2], 'big')


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
