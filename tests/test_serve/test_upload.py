from __future__ import annotations

import struct
import zlib
from http import HTTPStatus
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.image.reading import read_image
from rcn_mmpose.io.folders import IMAGE_ENDINGS
from rcn_mmpose.serve.upload import FORMATS, Refusal, decode, kind_of

IMAGE = np.full((40, 48, 3), 90, np.uint8)
# OpenEXR, which OpenCV refuses by default, and formats that OpenCV does not write.
NOT_WRITTEN = {'.exr', '.pic', '.pxm'}


@pytest.mark.parametrize('ending', sorted({*IMAGE_ENDINGS} - NOT_WRITTEN))
def test_the_page_accepts_what_predict_accepts(ending: str) -> None:
    image = IMAGE[..., 0] if ending in ('.pbm', '.pgm') else IMAGE
    done, content = cv2.imencode(ending, image)
    assert done
    content = content.tobytes()
    (known,) = (known for known in FORMATS if known.kind == kind_of(content))
    assert ending in known.endings
    decoded = decode(content)
    assert decoded.shape == (40, 48, 3) and decoded.dtype == np.uint8
    if ending != '.pbm':  # black and white
        assert abs(decoded.mean() - 90) <= 2  # OpenCV dithers GIF


def test_every_ending_of_predict_is_in_the_list_of_the_page() -> None:
    endings = {ending for known in FORMATS for ending in known.endings}
    assert endings == {*IMAGE_ENDINGS} - {'.exr'}


@pytest.mark.parametrize('ending', ['.png', '.tiff', '.jp2'])
@pytest.mark.parametrize('bits', [10, 12, 16])
def test_16_bit_files_become_what_predict_reads(
    ending: str, bits: int, tmp_path: Path
) -> None:
    """The page and predict agree on a file, also if both refuse it."""
    grey = np.random.default_rng(0).integers(0, 2**bits, (40, 48), np.uint16)
    path = tmp_path / f'a{ending}'
    path.write_bytes(cv2.imencode(ending, grey)[1].tobytes())
    try:
        expected = read_image(path)
    except ValueError:
        with pytest.raises(Refusal):
            decode(path.read_bytes())
    else:
        np.testing.assert_array_equal(decode(path.read_bytes()), expected)


def test_the_first_of_several_pages(tmp_path: Path) -> None:
    pages = [np.full((40, 48, 3), grey, np.uint8) for grey in (90, 10)]
    path = tmp_path / 'a.tiff'
    assert cv2.imwritemulti(str(path), pages)
    np.testing.assert_array_equal(decode(path.read_bytes()), pages[0])


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'PK\x03\x04',
        b'<svg/>',
        b'RIFF1234WAVE',
        b'WEBP',
        b'\xff\xd8',
        b'GIF88a',
        b'II*a',
        b'%PDF-1.7',
        b'\x76\x2f\x31\x01',  # OpenEXR
        b'\0\0\0\x18ftypheic',
    ],
)
def test_other_content_is_refused(content: bytes) -> None:
    assert kind_of(content) is None
    with pytest.raises(Refusal, match='JPEG, PNG, WebP, BMP, GIF, TIFF') as caught:
        decode(content)
    assert caught.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def test_truncated_images_are_refused(png: bytes) -> None:
    for content in (
        png[:40],
        b'\xff\xd8\xff' + bytes(100),
        b'BM',
        b'BM' + bytes(99),
        b'GIF89a' + bytes(100),
        b'II*\0' + bytes(100),
        b'P6 9 9 255 ',
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
