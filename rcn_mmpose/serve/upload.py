"""From the bytes that somebody sent to an image, or a refusal."""

from __future__ import annotations

from http import HTTPStatus

import numpy as np

from ..image.reading import check_size, decode_image

NAME = 'that was sent'  # in messages
MOST_BYTES = 32 * 2**20
# What browsers show and OpenCV decodes: media type -> how a file begins.
# GIF and TIFF are left out: a page shows them otherwise than OpenCV, or not.
KINDS = {
    'image/jpeg': (b'\xff\xd8\xff',),
    'image/png': (b'\x89PNG\r\n\x1a\n',),
    'image/webp': (b'RIFF', b'WEBP'),
    'image/bmp': (b'BM',),
}


class Refusal(Exception):
    """A request that is not answered as asked.

    Args:
        status (HTTPStatus): Of the answer.
        reason (str): What is wrong and how to mend it.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def kind_of(content: bytes) -> str | None:
    """Tell the kind of an image by how its content begins.

    Args:
        content (bytes): Of a file.

    Returns:
        str | None: One of :data:`KINDS`, or None.
    """
    for kind, (start, *later) in KINDS.items():
        if content.startswith(start) and all(
            content[8:].startswith(part) for part in later
        ):
            return kind
    return None


def decode(content: bytes) -> np.ndarray:
    """Decode an image that was sent.

    Args:
        content (bytes): Of a file; its name and what the sender calls it do
            not matter.

    Returns:
        np.ndarray: uint8 (H, W, 3) BGR, turned as its EXIF says.

    Raises:
        Refusal: If it is of no known kind (415), claims more pixels than are
            decoded (413), or cannot be decoded (400).
    """
    if kind_of(content) is None:
        kinds = ', '.join(kind.split('/')[1].upper() for kind in KINDS)
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f'The content ({len(content)} bytes) is no image of a kind '
            f'that is taken: {kinds}. Convert it.',
        )
    try:
        check_size(content, NAME)
    except ValueError as error:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
    try:
        return decode_image(content, NAME)
    except ValueError as error:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f'It cannot be decoded: {error}'
        ) from error
