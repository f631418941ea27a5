from __future__ import annotations

import struct
import zlib
from http import HTTPStatus

import cv2
import numpy as np
import pytest

from rcn_mmpose.serve.upload import Refusal, decode, kind_of


@pytest.mark.parametrize(
    ('ending', 'kind'),
    [
        ('.jpg', 'image/jpeg'),
        ('.png', 'image/png'),
        ('.webp', 'image/webp'),
        ('.bmp', 'image/bmp'),
        ('.tiff', None),
        ('.ppm', None),
    ],
)
def test_formats_that_opencv_writes(ending: str, kind: str | None) -> None:
    image = np.full((7, 9, 3), 90, np.uint8)
    content = cv2.imencode(ending, image)[1].tobytes()
    assert kind_of(content) == kind
    if kind:
        assert np.abs(decode(content).astype(int) - 90).max() <= 2
        assert decode(content).shape == (7, 9, 3)


@pytest.mark.parametrize(
    'content',
    [b'', b'P6 2 2 255 ', b'<svg/>', b'RIFF1234WAVE', b'WEBP', b'\xff\xd8'],
)
def test_other_content_is_refused(content: bytes) -> None:
    assert kind_of(content) is None
    with pytest.raises(Refusal, match='JPEG, PNG, WEBP, BMP') as caught:
        decode(content)
    assert caught.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def test_truncated_images_are_refused(png: bytes) -> None:
    for content in (
        png[:40],
        b'\xff\xd8\xff' + bytes(100),
        b'BM',
        b'BM' + bytes(99),
    ):
        with pytest.raises(Refusal, match='cannot be decoded') as caught:
            decode(content)
        assert caught.value.status == HTTPStatus.BAD_REQUEST


def test_the_size_in_the_header_is_checked_before_decoding() -> None:
    head = b'IHDR' + struct.pack('>IIBBBBB', 50_000, 50_000, 8, 2, 0, 0, 0)
    check = struct.pack('>I', zlib.crc32(head))
    content = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + head + check
    with pytest.raises(Refusal, match='50000x50000') as caught:
        decode(content)
    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_jpeg_is_rotated_by_its_exif_tag() -> None:
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, :8] = 255  # the left half is white
    plain = cv2.imencode('.jpg', image)[1].tobytes()
    # Orientation 6: rotate clockwise, so that the left side comes to the top.
    tags = struct.pack('<HHHIHHI', 1, 0x112, 3, 1, 6, 0, 0)
    exif = b'Exif\0\0II*\0' + struct.pack('<I', 8) + tags
    part = b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif
    turned = decode(plain[:2] + part + plain[2:])
    assert turned.shape == (16, 8, 3)
    assert turned[:6].min() > 200 and turned[10:].max() < 50
