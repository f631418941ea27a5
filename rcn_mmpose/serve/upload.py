"""Check and decode an uploaded image, or refuse it with an HTTP status."""

from __future__ import annotations

from http import HTTPStatus

import numpy as np

from ..image.reading import check_size, decode_image

NAME = 'upload'  # name of the image in error messages
MOST_BYTES = 32 * 2**20
# Image formats that browsers show and OpenCV decodes: media type and first bytes.
# GIF and TIFF are not accepted: browsers animate GIF, and most cannot show TIFF.
KINDS = {
    'image/jpeg': (b'\xff\xd8\xff',),
    'image/png': (b'\x89PNG\r\n\x1a\n',),
    'image/webp': (b'RIFF', b'WEBP'),
    'image/bmp': (b'BM',),
}


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
        str | None: A key of ``KINDS``, or None for other content.
    """
    for kind, (start, *later) in KINDS.items():
        if content.startswith(start) and all(
            content[8:].startswith(part) for part in later
        ):
            return kind
    return None


def decode(content: bytes) -> np.ndarray:
    """Decode an uploaded image.

    Args:
        content (bytes): The content of a file. The file name and the media type
            that the client sends do not matter.

    Returns:
        np.ndarray: uint8 (H, W, 3) BGR, rotated by its EXIF tag.

    Raises:
        Refusal: If the format is not in ``KINDS`` (status 415), the header
            announces too many pixels (413), or the image cannot be decoded
            (400).
    """
    if kind_of(content) is None:
        kinds = ', '.join(kind.split('/')[1].upper() for kind in KINDS)
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f'The content ({len(content)} bytes) is not an image in an accepted '
            f'format: {kinds}. Convert the image.',
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
