"""Check and decode an uploaded image, or refuse it with an HTTP status."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from ..image.reading import check_size, decode_image

NAME = 'upload'  # name of the image in error messages
MOST_BYTES = 32 * 2**20


class ImageFormat(NamedTuple):
    """An image format that the page accepts.

    Attributes:
        name: Name in messages.
        kind: Media type.
        endings: Endings of file names.
        start: Regular expression of the first bytes.
    """

    name: str
    kind: str
    endings: tuple[str, ...]
    start: bytes


# The formats of ``rcn-mmpose predict``, except OpenEXR, which OpenCV refuses by
# default. The page shows the drawing of the server, so the browser does not need
# to know the format.
FORMATS = (
    ImageFormat('JPEG', 'image/jpeg', ('.jpg', '.jpeg', '.jpe'), rb'\xff\xd8\xff'),
    ImageFormat('PNG', 'image/png', ('.png',), rb'\x89PNG\r\n\x1a\n'),
    ImageFormat('WebP', 'image/webp', ('.webp',), rb'RIFF.{4}WEBP'),
    ImageFormat('BMP', 'image/bmp', ('.bmp', '.dib'), rb'BM'),
    ImageFormat('GIF', 'image/gif', ('.gif',), rb'GIF8[79]a'),
    ImageFormat('TIFF', 'image/tiff', ('.tif', '.tiff'), rb'II[*+]\0|MM\0[*+]'),
    ImageFormat('AVIF', 'image/avif', ('.avif',), rb'.{4}ftypavi[fs]'),
    ImageFormat(
        'JPEG 2000', 'image/jp2', ('.jp2',), rb'\0{3}\x0cjP  |\xff\x4f\xff\x51'
    ),
    ImageFormat(
        'PNM',
        'image/x-portable-anymap',
        ('.pnm', '.pbm', '.pgm', '.ppm', '.pxm'),
        rb'P[1-7]\s',
    ),
    ImageFormat(
        'Radiance HDR', 'image/vnd.radiance', ('.hdr', '.pic'), rb'#\?R(ADIANCE|GBE)'
    ),
    ImageFormat(
        'Sun raster', 'image/x-sun-raster', ('.ras', '.sr'), rb'\x59\xa6\x6a\x95'
    ),
)


class Refusal(Exception):
    """A request that is refused.

    Args:
        status (HTTPStatus): Status of the answer.
        reason (str): What is wrong and how to fix it.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def kind_of(content: bytes) -> str | None:
    """Return the media type of an image by its first bytes.

    Args:
        content (bytes): The content of a file.

    Returns:
        str | None: The ``kind`` of an entry of ``FORMATS``, or None for other
        content.
    """
    for known in FORMATS:
        if re.match(known.start, content, re.DOTALL):
            return known.kind
    return None


def decode(content: bytes) -> np.ndarray:
    """Decode an uploaded image, as ``rcn-mmpose predict`` decodes a file.

    Args:
        content (bytes): The content of a file. The file name and the media type
            that the client sends do not matter.

    Returns:
        np.ndarray: uint8 (H, W, 3) BGR, rotated by its EXIF tag; the first
        image of a file with several.

    Raises:
        Refusal: If the format is not in ``FORMATS`` (status 415), the header
            announces too many pixels (413), or the image cannot be decoded
            (400).
    """
    if kind_of(content) is None:
        names = ', '.join(known.name for known in FORMATS)
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f'The content ({len(content)} bytes) is not an image in an accepted '
            f'format: {names}. Convert the image.',
        )
    try:
        check_size(content, NAME)
    except ValueError as error:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
    try:
        return decode_image(content, NAME)
    except ValueError as error:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f'The image cannot be decoded: {error}'
        ) from error
