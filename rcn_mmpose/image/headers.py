"""What the header of an image file claims, before OpenCV decodes the file.

A file of 300 bytes can claim an image whose decoding takes gigabytes. Each format
that is decoded has a reader here; a file of another format, or with a header that
the reader does not understand, is refused. The readers follow the decoders of OpenCV
4.12. JPEG, the most common format, is read by :mod:`rcn_mmpose.image.reading`;
:mod:`rcn_mmpose.image.nested_headers` reads TIFF and JPEG 2000, and
:mod:`rcn_mmpose.image.avif_header` AVIF, whose size is deep in the file.

The bytes a pixel are measured: the peak of ``cv2.imdecode`` on 16 to 36 million
pixels, rounded up. All formats take 6, because OpenCV copies the decoded image once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .avif_header import read_avif
from .claims import ImageHeader, number
from .nested_headers import read_jpeg2000, read_tiff

PNG = b'\x89PNG\r\n\x1a\n'
# Run lengths of BMP hold at most 255 pixels in two bytes.
RUN = 128
# Sparse BMP files skip pixels; up to this size they may hold fewer bytes.
SPARSE = 2**24
# libpng unpacks the texts of a PNG, up to 8 MB each in 35 ms.
MOST_TEXTS = 30
LONGEST_TEXT = 4096  # bytes of a header in text, with its comments
# What a reader of PNM skips before a number, the number, and one more byte.
NUMBER = rb'(?:\s|#[^\n\r]*[\n\r])*(\d{1,10})(?!\d)[\s\S]'


def read_png(content: bytes) -> ImageHeader | None:
    """Read the header of a PNG."""
    width, height = number(content, 16, 4), number(content, 20, 4)
    deep = number(content, 24, 1) > 8
    cost = 6.5
    if deep:
        cost = 19.5 if number(content, 25, 1) & 4 else 15.5  # with or without alpha
    if b'acTL' in content:  # an animation is composed in further images
        cost += 6
    texts = content.count(b'zTXt') + content.count(b'iTXt')
    fault = ''
    if texts > MOST_TEXTS:
        fault = f'has {texts} compressed texts; at most {MOST_TEXTS} are read. Remove'
        fault += ' them.'
    whole = is_whole(content)
    memory = width * height * cost
    return ImageHeader(width, height, memory, deep, whole=whole, fault=fault)


def is_whole(content: bytes) -> bool:
    """Whether a PNG is complete.

    OpenCV 4.12 allocates the claimed size of a PNG chunk, up to 4 GB, before
    it checks that the chunk is there.

    Args:
        content (bytes): All of a PNG.
    """
    place, kind = len(PNG), b''
    while place < len(content) and kind != b'IEND':
        length = int.from_bytes(content[place : place + 4], 'big')
        kind = content[place + 4 : place + 8]
        place += 12 + length  # length, kind and checksum have 4 bytes each
    return place <= len(content)


def read_gif(content: bytes) -> ImageHeader | None:
    """Read the header of a GIF; OpenCV refuses frames beyond the screen."""
    width, height = (number(content, place, 2, big=False) for place in (6, 8))
    return ImageHeader(width, height, width * height * 12.5)


def read_bmp(content: bytes) -> ImageHeader | None:
    """Read the header of a BMP, of Windows or of OS/2 1."""
    size = number(content, 14, 4, big=False)
    if size == 12:
        width, height = (number(content, place, 2, big=False) for place in (18, 20))
        return ImageHeader(width, height, width * height * 6.5)
    if size < 36:
        return None
    width, height = (number(content, place, 4, big=False) for place in (18, 22))
    height = min(height, 2**32 - height)  # negative: rows from top to bottom
    runs = number(content, 30, 4, big=False) in (1, 2)
    fault = ''
    if runs and width * height > max(SPARSE, RUN * len(content)):
        fault = f'claims {width}x{height} pixels, which its {len(content)} bytes of '
        fault += 'run lengths cannot hold; convert it to PNG.'
    return ImageHeader(width, height, width * height * 6.5, fault=fault)


def read_webp(content: bytes) -> ImageHeader | None:
    """Read the header of a WebP: lossy, lossless, or extended."""
    kind, start, cost = content[12:16], 20, 7.5
    if kind == b'VP8X':
        width, height = (1 + number(content, p, 3, big=False) for p in (24, 27))
        if number(content, start, 1) & 2:  # animated
            cost = 12.5
    elif kind == b'VP8L' and number(content, start, 1) == 0x2F:
        sides = number(content, start + 1, 4, big=False)
        width, height = 1 + sides % 2**14, 1 + (sides >> 14) % 2**14
    elif kind == b'VP8 ' and content[start + 3 : start + 6] == b'\x9d\x01\x2a':
        width, height = (number(content, p, 2, big=False) % 2**14 for p in (26, 28))
    else:
        return None
    return ImageHeader(width, height, width * height * cost)


def read_pnm(content: bytes) -> ImageHeader | None:
    """Read the header of a PBM, PGM or PPM."""
    count = 2 if content[1:2] in b'14' else 3
    found = re.match(rb'P[1-6]' + count * NUMBER, content[:LONGEST_TEXT])
    if not found:
        return None
    width, height, *largest = map(int, found.groups())
    deep = max(largest, default=1) > 255
    return ImageHeader(width, height, width * height * (16 if deep else 6.5), deep)


def read_pam(content: bytes) -> ImageHeader | None:
    """Read the header of a PAM."""
    text = content[:LONGEST_TEXT].replace(b'\r', b'\n')
    head, end, _ = text.partition(b'ENDHDR')
    fields: dict[bytes, int] = {}
    pattern = rb'^[ \t]*(WIDTH|HEIGHT|DEPTH|MAXVAL)\s+(\d{1,10})\s*$'
    for name, value in re.findall(pattern, head, re.MULTILINE):
        fields[name] = max(int(value), fields.get(name, 0))
    if not end or len(fields) < 4 or fields[b'DEPTH'] > 4:
        return None
    width, height = fields[b'WIDTH'], fields[b'HEIGHT']
    deep = fields[b'MAXVAL'] > 255
    return ImageHeader(width, height, width * height * (20 if deep else 6.5), deep)


def read_pfm(content: bytes) -> ImageHeader | None:
    """Read the header of a PFM."""
    found = re.match(rb'P[fF]\n(\d{1,10})\s(\d{1,10})\s', content)
    if not found:
        return None
    width, height = map(int, found.groups())
    return ImageHeader(width, height, width * height * 28, deep=True)


def read_sun_raster(content: bytes) -> ImageHeader | None:
    """Read the header of a Sun raster file."""
    width, height = number(content, 4, 4), number(content, 8, 4)
    return ImageHeader(width, height, width * height * 6.5)


def read_hdr(content: bytes) -> ImageHeader | None:
    """Read the header of a Radiance HDR; OpenCV would split longer lines."""
    size = rb'-Y\s*(\d{1,10})\s+\+X\s*(\d{1,10})\s'
    lines = rb'[^\n]{2,126}\n(?:[^\n]{1,126}\n)*\n'
    found = re.match(lines + size, content[:LONGEST_TEXT])
    if not found:
        return None
    height, width = map(int, found.groups())
    return ImageHeader(width, height, width * height * 15.5)


# The first bytes of each format, and the reader of its header.
READERS: tuple[tuple[bytes, Callable[[bytes], ImageHeader | None]], ...] = (
    (re.escape(PNG), read_png),
    (b'GIF8[79]a', read_gif),
    (b'BM', read_bmp),
    (rb'RIFF[\s\S]{4}WEBP', read_webp),
    (rb'P[1-6]\s', read_pnm),
    (rb'P7\s', read_pam),
    (rb'P[fF]\s', read_pfm),
    (rb'\x59\xa6\x6a\x95', read_sun_raster),
    (rb'#\?R(ADIANCE|GBE)', read_hdr),
    (rb'II[*+]\0|MM\0[*+]', read_tiff),
    (rb'\0{3}\x0cjP  |\xff\x4f\xff\x51', read_jpeg2000),
    (rb'[\s\S]{4}ftyp', read_avif),
)


def read_header(content: bytes) -> ImageHeader | None:
    """Read the header of an image in another format than JPEG.

    Args:
        content (bytes): All of a file.

    Returns:
        ImageHeader | None: None for other formats, and for a header that cannot be
        read.
    """
    for start, read in READERS:
        if re.match(start, content):
            return read(content)
    return None
