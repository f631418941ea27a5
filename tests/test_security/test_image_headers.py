"""Image files whose header claims more than the decoder should spend."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from rcn_mmpose.image.avif_header import read_avif
from rcn_mmpose.image.limits import MOST_MEMORY, MOST_PIXELS
from rcn_mmpose.image.reading import check_size, decode_image
from rcn_mmpose.serve.upload import Refusal, decode

SMALL = np.full((40, 48, 3), 90, np.uint8)
ALPHA = np.random.default_rng(0).integers(0, 256, (40, 48, 4), np.uint8)
MEGABYTES = 2**25


def encode(ending: str, image: np.ndarray = SMALL, *options: int) -> bytes:
    done, content = cv2.imencode(ending, image, list(options))
    assert done
    return content.tobytes()


def by_pil(kind: str, image: np.ndarray = SMALL, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def put(content: bytes, place: int, form: str, *values: int) -> bytes:
    part = struct.pack(form, *values)
    return content[:place] + part + content[place + len(part) :]


def tiff(form: str, big: bool, **tags: tuple[int, int]) -> bytes:
    """A TIFF without pixels; each tag is (type, value), see the numbers below."""
    numbers = dict(width=256, height=257, bits=258, tile_w=322, tile_h=323)
    mark = b'II' if form == '<' else b'MM'
    if big:
        content = mark + struct.pack(f'{form}HHHQQ', 43, 8, 0, 16, len(tags))
    else:
        content = mark + struct.pack(f'{form}HIH', 42, 8, len(tags))
    room = 8 if big else 4
    for name, (kind, value) in tags.items():
        code = {3: 'H', 4: 'I', 16: 'Q'}[kind]
        data = struct.pack(form + code, value).ljust(room, b'\0')
        content += struct.pack(f'{form}HH', numbers[name], kind)
        content += struct.pack(form + ('Q' if big else 'I'), 1) + data
    return content + bytes(16)


def avif(width: int, height: int) -> bytes:
    """An AVIF whose box claims the size."""
    content = encode('.avif')
    return put(content, content.index(b'ispe') + 8, '>II', width, height)


def lying_avif(width: int, height: int) -> bytes:
    """An AVIF whose boxes claim 48x40, and whose AV1 data another size."""
    bits = '000' + '1' + '1' + '11111'  # profile, still, short header, level
    bits += '1111' * 2 + f'{width - 1:016b}{height - 1:016b}'
    bits = bits.ljust(96, '0')
    header = int(bits, 2).to_bytes(12, 'big')
    content = encode('.avif')
    place = content.index(b'mdat') + 4
    data = content[place:]
    if data.startswith(b'\x12\0'):  # a delimiter
        place += 2
    assert content[place] == 0x0A
    return content[:place] + b'\x0a\x0c' + header + content[place + 14 :]


def jpeg2000(width: int, height: int, plain: bool = False) -> bytes:
    content = encode('.jp2')
    start = content.index(b'\xff\x4f\xff\x51')
    content = put(content, start + 8, '>II', width, height)
    content = put(content, start + 24, '>II', width, height)  # one tile
    return content[start:] if plain else content


def jpeg(width: int, height: int) -> bytes:
    content = encode('.jpg')
    return put(content, content.index(b'\xff\xc0') + 5, '>HH', height, width)


def webp_extended(width: int, height: int) -> bytes:
    sides = b''.join((side - 1).to_bytes(3, 'little') for side in (width, height))
    content = encode('.webp')
    return content[:12] + b'VP8X\x0a\0\0\0\0\0\0\0' + sides + content[12:]


def webp_lossy() -> bytes:
    content = encode('.webp', SMALL, cv2.IMWRITE_WEBP_QUALITY, 50)
    return put(content, content.index(b'\x9d\x01\x2a') + 3, '<HH', 16_383, 16_383)


def webp_lossless() -> bytes:
    content = encode('.webp')
    return put(content, content.index(b'VP8L') + 9, '<I', 16_382 + (16_382 << 14))


def short_bmp(width: int, height: int) -> bytes:
    """A BMP with the header of OS/2 1: sides of 16 bits."""
    head = struct.pack('<IHHHH', 12, width, height, 1, 24)
    return b'BM' + struct.pack('<IHHI', 26, 0, 0, 26) + head


def long_bmp(size: int, width: int, height: int) -> bytes:
    """A BMP with a longer header, such as the 64 bytes of OS/2 2."""
    head = struct.pack('<IiiHHIIIIII', size, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    head = head.ljust(size, b'\0')
    return b'BM' + struct.pack('<IHHI', 0, 0, 0, 14 + size) + head


def run_length_bmp(width: int, height: int, size: int = 300) -> bytes:
    head = struct.pack('<IiiHHIIIIII', 40, width, height, 1, 8, 1, 0, 0, 0, 1, 1)
    content = b'BM' + struct.pack('<IHHI', 0, 0, 0, 58) + head + bytes(4)
    return (content + b'\0\1').ljust(size, b'\0')  # the end of the image


HUGE = {
    'JPEG': jpeg(60_000, 60_000),
    'PNG': put(encode('.png'), 16, '>II', 60_000, 60_000),
    'PNG with a side of 0': put(encode('.png'), 16, '>II', 0, 2**31),
    'GIF': put(encode('.gif'), 6, '<HH', 65_535, 65_535),
    'BMP': put(encode('.bmp'), 18, '<ii', 60_000, -60_000),
    'BMP of OS/2': short_bmp(65_535, 65_535),
    'BMP of OS/2 2': long_bmp(64, 60_000, 60_000),
    'BMP of version 4': long_bmp(108, 60_000, -60_000),
    'BMP of version 5': long_bmp(124, 60_000, 60_000),
    'WebP, extended': webp_extended(60_000, 60_000),
    'WebP, lossy': webp_lossy(),
    'WebP, lossless': webp_lossless(),
    'PPM': b'P6 # 1 1\n60000\r60000 255\n',
    'PBM': b'P4 60000 60000\n',
    # The end of a number is any byte, and what follows is no comment.
    'PGM': b'P2\n10#60000000 1 ',
    'PAM': b'P7\nWIDTH 60000\n#\nHEIGHT 60000\nDEPTH 3\nMAXVAL 255\nENDHDR\n',
    'PFM': b'PF\n60000 60000\n-1.0\n',
    'Sun raster': put(encode('.ras'), 4, '>II', 60_000, 60_000),
    'HDR': b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 60000 +X 60000\n',
    'TIFF': tiff('<', False, width=(4, 60_000), height=(3, 60_000)),
    'TIFF, big-endian': tiff('>', False, width=(3, 60_000), height=(4, 60_000)),
    'BigTIFF': tiff('<', True, width=(16, 60_000), height=(4, 60_000)),
    'TIFF, twice': tiff('<', False, width=(4, 9), height=(4, 9)).replace(
        struct.pack('<HHII', 257, 4, 1, 9), struct.pack('<HHII', 257, 4, 1, 2**30)
    ),
    'JPEG 2000': jpeg2000(60_000, 60_000),
    'JPEG 2000, plain': jpeg2000(60_000, 60_000, plain=True),
    'AVIF': avif(60_000, 60_000),
    'AVIF, lying': lying_avif(60_000, 60_000),
}


@pytest.mark.parametrize('content', HUGE.values(), ids=HUGE)
def test_the_pixel_limit_holds_for_every_format(content: bytes) -> None:
    with pytest.raises(ValueError, match="'x' claims .* 1048576 a side, are decoded"):
        check_size(content, 'x')
    with pytest.raises(Refusal) as caught:
        decode(content)
    # PFM is not in the list of the page.
    unknown = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert caught.value.status in unknown


@pytest.mark.parametrize(
    'ending',
    '.jpg .png .webp .bmp .gif .tiff .avif .jp2 .ppm .pgm .pbm .pam .pfm .ras '
    '.hdr'.split(),
)
def test_real_files_keep_their_size(ending: str) -> None:
    image = SMALL[..., 0] if ending in ('.pgm', '.pbm') else SMALL
    content = encode(ending, image.astype('f4') if ending == '.pfm' else image)
    header = check_size(content, 'x')
    assert header is not None and header[:2] == (48, 40)
    assert decode_image(content, 'x').shape == (40, 48, 3)


# ------------------------------------------------------------------------ memory

BUILDERS: dict[str, Callable[[], bytes]] = {
    'JPEG 2000': lambda: jpeg2000(12_000, 11_000),
    'AVIF': lambda: avif(8_000, 8_000),
    'AVIF, lying': lambda: lying_avif(8_000, 8_000),
    'PFM': lambda: b'PF\n15000 15000\n-1\n',
    'HDR': lambda: b'#?RGBE\nFORMAT=32-bit_rle_rgbe\n\n-Y 15000 +X 15000\n',
    'GIF': lambda: put(encode('.gif'), 6, '<HH', 15_000, 15_000),
    'PNG of 16 bits': lambda: put(
        encode('.png', SMALL.astype('u2')), 16, '>II', 15_000, 15_000
    ),
    'TIFF of 64 bits': lambda: tiff(
        '<', False, width=(4, 9_000), height=(4, 9_000), bits=(3, 64)
    ),
    'TIFF with one large tile': lambda: tiff(
        '>', False, width=(4, 9), height=(4, 9), tile_w=(4, 10**5), tile_h=(4, 10**4)
    ),
}


@pytest.mark.parametrize('name', BUILDERS)
def test_formats_that_need_more_memory_have_a_smaller_limit(name: str) -> None:
    with pytest.raises(ValueError, match=r"'x' claims .* takes up to \S+ GB"):
        check_size(BUILDERS[name](), 'x')


def test_small_parts_of_jpeg2000_count() -> None:
    """OpenJPEG keeps a record for each block of 4x4 pixels."""
    for options in (
        dict(codeblock_size=(4, 4)),
        dict(tile_size=(8, 8)),
        dict(precinct_size=(4, 4), codeblock_size=(4, 4)),
    ):
        image = np.zeros((400, 400, 3), np.uint8)
        plain = check_size(by_pil('JPEG2000', image), 'x')
        small = check_size(by_pil('JPEG2000', image, **options), 'x')
        assert plain and small and small.memory > 5 * plain.memory


MEASURED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from rcn_mmpose.image.reading import check_size, decode_image

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

content = sys.stdin.buffer.read()
header = check_size(content, 'x')
before = peak()
try:
    decode_image(content, 'x')
except ValueError:
    pass
print(int(header.memory), peak() - before)
"""
Z = np.zeros((1500, 1500, 3), np.uint8)
OPTIONS = dict(save_all=True, append_images=[Image.fromarray(Z + 9)])
DECODED: dict[str, Callable[[], bytes]] = {
    'JPEG': lambda: encode('.jpg', Z),
    'progressive JPEG': lambda: encode('.jpg', Z, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    'PNG of 16 bits': lambda: encode('.png', np.zeros((1500, 1500, 4), np.uint16)),
    'animated PNG': lambda: by_pil('PNG', Z, **OPTIONS),
    'GIF': lambda: encode('.gif', Z),
    'animated WebP': lambda: by_pil('WEBP', Z, **OPTIONS),
    'TIFF': lambda: by_pil('TIFF', Z, compression='tiff_deflate', tiffinfo={278: 1500}),
    'TIFF of 16 bits': lambda: encode('.tiff', Z.astype(np.uint16)),
    'TIFF of 32 bits': lambda: encode('.tiff', Z.astype(np.float32)),
    'JPEG 2000': lambda: encode('.jp2', Z),
    'JPEG 2000 of small blocks': lambda: by_pil('JPEG2000', Z, codeblock_size=(4, 4)),
    'AVIF with alpha': lambda: by_pil('AVIF', np.dstack((Z, Z[..., 0])), speed=10),
    'PFM': lambda: encode('.pfm', Z.astype(np.float32)),
    'HDR': lambda: encode('.hdr', Z.astype(np.float32)),
    'BMP': lambda: encode('.bmp', Z),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', DECODED)
def test_decoding_takes_no_more_memory_than_the_header_says(name: str) -> None:
    done = subprocess.run(
        [sys.executable, '-c', MEASURED], input=DECODED[name](), capture_output=True
    )
    expected, taken = map(int, done.stdout.split())
    assert taken < expected + 2**23, f'{taken / 1e6} MB of {expected / 1e6}'


# -------------------------------------------------------------------------- work


def with_scans(count: int, side: int = 24) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    image = np.full((side, side, 3), 90, np.uint8)
    content = encode('.jpg', image, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    starts = [match.start() for match in re.finditer(b'\xff\xda', content)]
    more = content[starts[-1] : -2] * (count - len(starts))
    return content[:-2] + more + content[-2:]


def test_scans_of_a_jpeg() -> None:
    assert decode_image(with_scans(10), 'x').shape == (24, 24, 3)
    assert decode_image(with_scans(100), 'x').shape == (24, 24, 3)
    with pytest.raises(ValueError, match="'x' claims 24x24 pixels in 101 scans; at mo"):
        decode_image(with_scans(101), 'x')
    content = with_scans(5000)
    start = time.monotonic()
    with pytest.raises(Refusal, match='5000 scans') as caught:
        decode(content)
    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert time.monotonic() - start < 1


def test_a_large_jpeg_has_fewer_scans() -> None:
    place = with_scans(20).index(b'\xff\xc2') + 5
    for sides, most in (((15_000, 16_000), 16), ((8_000, 8_000), 62)):
        for count in (most, most + 1):
            content = put(with_scans(count), place, '>HH', *sides)
            if count == most:
                header = check_size(content, 'x')
                assert header is not None and header.scans == most
            else:
                with pytest.raises(ValueError, match=f'at most {most} scans'):
                    check_size(content, 'x')


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', 8 + len(data)) + kind + data


def fill(start: bytes, part: bytes, end: bytes = b'') -> bytes:
    return start + part * (MEGABYTES // len(part)) + end


SIZ = struct.pack('>HHIIIIIIIIH', 47, 0, 64, 64, 0, 0, 64, 64, 0, 0, 3) + 3 * b'\7\1\1'
ITEM = box(b'infe', b'\2\0\0\0\0\0\0\0av01')
AVIF = box(b'ftyp', b'avif\0\0\0\0avifmif1')
PLACES = b'iloc\0\0\0\0\0\0\xff\xff' + 65_535 * b'\0\0\0\0\xff\xff'
LONG: dict[str, Callable[[], bytes]] = {
    'JPEG of fill bytes': lambda: fill(b'\xff\xd8', b'\xff', jpeg(48, 40)[2:]),
    'JPEG of stuffed bytes': lambda: fill(b'\xff\xd8', b'\xff\0', jpeg(48, 40)[2:]),
    'JPEG of comments': lambda: fill(b'\xff\xd8', b'\xff\xfe\0\2'),
    'JPEG of scans': lambda: fill(b'\xff\xd8', b'\xff\xda\0\2'),
    'PNM of comments': lambda: fill(b'P6', b'#\n'),
    'PAM of names': lambda: fill(b'P7\n', b'WIDTH\n'),
    'HDR of lines': lambda: fill(b'#?RGBE\n', b'a\n'),
    'BigTIFF of tags': lambda: fill(
        b'II+\0\x08\0\0\0' + struct.pack('<QQ', 16, 10**6), bytes(20)
    ),
    'JPEG 2000 of styles': lambda: fill(
        b'\xff\x4f\xff\x51' + SIZ, b'\xff\x52\0\x0c\0\0\0\1\0\x05\4\4\0\0'
    ),
    'AVIF of items': lambda: AVIF + box(b'meta', fill(b'', b'infe')),
    'AVIF of extents': lambda: AVIF + box(b'meta', ITEM + PLACES + bytes(MEGABYTES)),
    'AVIF of boxes': lambda: fill(AVIF, box(b'free', b'')),
}


@pytest.mark.parametrize('wide', [False, True])
@pytest.mark.parametrize('inside', [False, True])
def test_a_grid_of_avif_counts(inside: bool, wide: bool) -> None:
    """The image is put together from tiles; its size is in the file or in `idat`."""
    side = 60_000
    grid = bytes([0, int(wide), 0, 0]) + struct.pack(
        '>II' if wide else '>HH', side, side
    )
    item = box(b'infe', b'\2\0\0\0' + struct.pack('>HH', 1, 0) + b'grid\0')
    # Version 1: 4 bytes each of offset and length, one extent of one item.
    place = b'\1\0\0\0\x44\0' + struct.pack('>HHHHH', 1, 1, int(inside), 0, 1)
    size = struct.pack('>II', 9, 9)  # `ispe` claims a small image
    parts = box(b'iinf', bytes(4) + b'\0\1' + item) + box(b'ispe', bytes(4) + size)

    def meta(offset: int) -> bytes:
        extent = struct.pack('>II', offset, len(grid))
        inner = bytes(4) + parts + box(b'iloc', place + extent)
        return AVIF + box(b'meta', inner + (box(b'idat', grid) if inside else b''))

    content = meta(0) if inside else meta(len(meta(0))) + grid
    with pytest.raises(ValueError, match="'x' claims 60000x60000 pixels"):
        check_size(content, 'x')


@pytest.mark.parametrize('name', LONG)
def test_32_megabytes_of_a_header_take_little_time(name: str) -> None:
    content = LONG[name]()
    start = time.process_time()
    header = check_size(content, 'x')
    assert time.process_time() - start < 2
    assert header is None or header[:2] == (48, 40)


def test_the_texts_of_a_png_are_counted() -> None:
    """libpng unpacks up to 8 MB from each text of 8 kB."""
    text = b'k\0\0' + zlib.compress(bytes(7_000_000))
    chunk = struct.pack('>I', len(text)) + b'zTXt' + text
    chunk += struct.pack('>I', zlib.crc32(b'zTXt' + text))
    content = encode('.png')
    place = content.index(b'IDAT') - 4
    with pytest.raises(ValueError, match="'x' has 400 compressed texts; at most 30"):
        decode_image(content[:place] + 400 * chunk + content[place:], 'x')
    assert decode_image(content[:place] + chunk + content[place:], 'x').any()


def test_a_bmp_of_run_lengths_holds_its_pixels() -> None:
    with pytest.raises(ValueError, match="'x' claims 15000x15000.* 300 bytes of run"):
        check_size(run_length_bmp(15_000, 15_000), 'x')
    sparse = run_length_bmp(640, 480)
    assert decode_image(sparse, 'x').shape == (480, 640, 3)
    header = check_size(run_length_bmp(15_000, 15_000, 2_000_000), 'x')
    assert header is not None and header.memory < MOST_MEMORY


# ------------------------------------------------------------------ allowed by list


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'text',
        b'\x76\x2f\x31\x01' + bytes(100),  # OpenEXR
        b'\xff\x0a' + bytes(100),  # JPEG XL
        b'qoif' + bytes(100),
        encode('.webp')[20:],  # WebP without its container
        b'P6\n' + 400 * b'9' + b' 1 255\n',
        b'P7\nWIDTH 1\nHEIGHT 1\nENDHDR\n',
        b'#?RADIANCE\n' + 300 * b'a' + b'\n\n-Y 1 +X 1\n',
        tiff('<', False, width=(4, 9))[:20],
        jpeg2000(48, 40).replace(b'jp2 ', b'avif'),
        jpeg2000(48, 40).replace(b'\xff\x52', b'\xff\x30', 1),
        b'\0\0\0\x18ftypheic' + bytes(100),
        b'\xff\xd8\xff\xd9',
    ],
    ids=repr,
)
def test_a_header_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match='corrupt or cut short, or not in a format'):
        decode_image(content, 'x')


def test_a_small_bmp_of_os2_is_decoded() -> None:
    """Its sides have 16 bits, and were read as one of 32."""
    rows = bytes(range(6)) + b'\0\0' + bytes(range(6, 12)) + b'\0\0'  # bottom row first
    decoded = decode_image(short_bmp(2, 2) + rows, 'x')
    assert decoded.ravel().tolist() == [*range(6, 12), *range(6)]


def test_frames_of_a_gif_stay_in_its_screen() -> None:
    content = encode('.gif')
    place = content.index(b'\x2c\0\0\0\0')
    with pytest.raises(ValueError, match='corrupt'):
        decode_image(put(content, place + 5, '<HH', 60_000, 60_000), 'x')


@pytest.mark.parametrize('image', [SMALL, ALPHA], ids=['colour', 'alpha'])
def test_sizes_of_avif(image: np.ndarray) -> None:
    for options in (
        dict(speed=10),
        dict(speed=10, subsampling='4:4:4'),
        dict(speed=10, save_all=True, append_images=[Image.fromarray(255 - image)]),
    ):
        header = read_avif(by_pil('AVIF', image, **options))
        assert header is not None and header[:2] == (48, 40)


def test_the_limit_of_pixels_needs_no_environment() -> None:
    """250 million pixels are refused in Python, too, where OpenCV's limit is 2^30."""
    header = put(encode('.ras'), 4, '>II', 2**14, 2**14)
    assert 2**28 > MOST_PIXELS
    with pytest.raises(ValueError, match='16384x16384'):
        decode_image(header, 'x')
