"""Headers of TIFF, JPEG 2000 and AVIF, whose size is deep in the file.

Several parts of such a file state a size, and the decoder allocates by the part that
it reads last. The largest size counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .claims import ImageHeader, number

# Types of numbers in a TIFF and their bytes: BYTE, SHORT, LONG, LONG8, also signed.
TIFF_TYPES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}
LOG_LUV = 32845  # colours of a TIFF
# Markers of JPEG 2000 that are read: of the main header and of tile parts.
MARKERS = {
    *(0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F),
    *(0x60, 0x61, 0x63, 0x64, 0x74, 0x75, 0x77, 0x78),
}
TILE_PART, TILE_DATA, END = 0x90, 0x93, 0xD9
# A still image has one frame; one with layers has up to four.
MOST_FRAMES = 16
# Parts of a file that are looked at, so that a hostile file takes little time.
MOST_PARTS = 100_000
MOST_ENTRIES = 4096  # libtiff has the same limit


def read_tiff(content: bytes) -> ImageHeader | None:
    """Read the header of a TIFF or BigTIFF; OpenCV decodes the first image."""
    big = content.startswith(b'MM')
    if number(content, 2, 2, big) == 43:
        count_size, entry_size, room = 8, 20, 8
        place = number(content, 8, 8, big)
    else:
        count_size, entry_size, room = 2, 12, 4
        place = number(content, 4, 4, big)
    count = number(content, place, count_size, big)
    place += count_size
    if count > MOST_ENTRIES or count * entry_size > len(content) - place:
        return None
    tags = dict.fromkeys((256, 257, 258, 277, 262, 322, 323), 0)
    for entry in range(place, place + count * entry_size, entry_size):
        tag = number(content, entry, 2, big)
        if tag not in tags:
            continue
        size = TIFF_TYPES.get(number(content, entry + 2, 2, big), 0)
        values = number(content, entry + 4, room, big)
        start = entry + 4 + room
        if not size or not 1 <= values <= 8:
            return None
        if size * values > room:
            start = number(content, start, room, big)
        for i in range(values):
            tags[tag] = max(tags[tag], number(content, start + i * size, size, big))
    width, height, bits, samples, colours, *tile = tags.values()
    samples = max(samples, 3)
    if colours == LOG_LUV:  # becomes float32
        bits = 32
    if bits > 64 or samples > 4:
        return None
    deep = bits > 8
    cost = 3.5 + 2 * samples * bits / 8 if deep else 7.5
    memory = cost * width * height + 2 * samples * max(4, bits / 8) * tile[0] * tile[1]
    return ImageHeader(width, height, memory, deep)


def read_jpeg2000(content: bytes) -> ImageHeader | None:
    """Read the header of a JPEG 2000 file, in boxes (JP2) or plain.

    OpenJPEG keeps a record for each tile, each code block and each precinct, so
    small ones multiply the memory.
    """
    start: int | None = 0
    if content.startswith(b'\0\0\0\x0c'):
        # OpenCV would decode a file that is AVIF, too, as AVIF.
        brands = content[20 : 12 + number(content, 12, 4)]
        if content[16:20] != b'ftyp' or b'jp2 ' not in brands or b'avi' in brands:
            return None
        start = next(
            (b for kind, b, _ in _boxes(content, 0, len(content)) if kind == b'jp2c'),
            None,
        )
    if start is None or content[start : start + 4] != b'\xff\x4f\xff\x51':
        return None
    x1, y1, x0, y0, tile_x, tile_y = (
        number(content, start + 8 + 4 * i, 4) for i in range(6)
    )
    components = number(content, start + 40, 2)
    width, height = x1 - x0, y1 - y0
    if min(width, height, tile_x, tile_y, components) < 1:
        return None
    tile, records = tile_x * tile_y, 0.0
    layers, styles = 1, 0
    for kind, place in _segments(content, start + 2):
        if kind < 0 or styles > MOST_ENTRIES:
            return None
        if kind in (0x52, 0x53):  # COD, COC
            styles += 1
            wide = 1 if components <= 256 else 2
            style = number(content, place if kind == 0x52 else place + wide, 1)
            place += 5 if kind == 0x52 else wide + 1
            if kind == 0x52:
                layers = max(layers, number(content, place - 3, 2))
            levels = number(content, place, 1)
            if levels > 32:
                return None
            sides = number(content, place + 1, 1) + number(content, place + 2, 1)
            block = min(2.0 ** (sides + 4), tile)
            each = 512 + 4 * layers
            found = (levels + 1) * each / tile
            for level in range(levels + 1):
                value = number(content, place + 5 + level, 1) if style & 1 else 0xFF
                precinct = 2.0 ** (value % 16 + value // 16)
                parts = 512 / min(block, precinct / 4) + each / precinct
                found += parts / 4 ** (levels - level)
            records = max(records, found)
    area = width * height
    tiles = -(-x1 // tile_x) * -(-y1 // tile_y)
    memory = area * (6 + components * (4.7 + records))
    memory += tiles * (6144 + 1200 * components)
    return ImageHeader(width, height, memory)


def read_avif(content: bytes) -> ImageHeader | None:
    """Read the header of an AVIF file: its boxes and its AV1 sequence headers."""
    sizes: list[tuple[int, int]] = []
    left = len(content)
    for box, start, end in _boxes(content, 0, len(content)):
        if box not in (b'meta', b'moov'):
            continue
        part = content[start:end]
        if len(re.findall(b'infe|ispe|tkhd|iloc|stsz|stco|co64', part)) > MOST_PARTS:
            return None
        for match in re.finditer(b'ispe', part):
            place = match.end() + 4
            sizes.append((number(part, place, 4), number(part, place + 4, 4)))
        for match in re.finditer(b'tkhd', part):  # 16 bits before the point
            place = match.end() + (88 if number(part, match.end(), 1) == 1 else 76)
            sizes.append((number(part, place, 2), number(part, place + 4, 2)))
        pieces = _items(content, part) if box == b'meta' else _samples(content, part)
        for kind, data in pieces:
            left -= len(data)
            found = _grid_size(data) if kind == b'grid' else _av1_sizes(data)
            if not found or left < 0:
                return None
            sizes += found
    if not sizes:
        return None
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    return ImageHeader(width, height, width * height * 45)


def _items(content: bytes, meta: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and data of the images in a ``meta`` box, no data at a limit."""
    kinds: dict[int, set[bytes]] = {}
    for match in re.finditer(b'infe', meta):
        place, size = match.end() + 4, 4 if number(meta, match.end(), 1) > 2 else 2
        item = number(meta, place, size)
        kinds.setdefault(item, set()).add(meta[place + size + 2 :][:4])
    inner, left = max(0, meta.find(b'idat')) + 4, MOST_PARTS
    for match in re.finditer(b'iloc', meta):
        place = match.end()
        version, sizes = number(meta, place, 1), number(meta, place + 4, 2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        wide = 4 if version > 1 else 2
        count = number(meta, place + 6, wide)
        place += 6 + wide
        for _ in range(min(count, MOST_PARTS)):
            item, method = number(meta, place, wide), 0
            place += wide
            if version:
                method = number(meta, place, 2) % 16
                place += 2
            begin = number(meta, place + 2, base)
            extents = number(meta, place + 2 + base, 2)
            place += 4 + base
            data = b''
            wanted = kinds.get(item, set()) & {b'av01', b'grid'}
            for _ in range(extents):
                left -= 1
                if left < 0:
                    yield b'', b''
                    return
                place += index if version else 0
                first = begin + number(meta, place, offset)
                size = number(meta, place + offset, length)
                place += offset + length
                source, first = (
                    (meta, first + inner) if method == 1 else (content, first)
                )
                if wanted and len(data) <= len(content):
                    data += source[first : first + size] if size else source[first:]
            for kind in wanted:
                yield kind, data


def _samples(content: bytes, moov: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the first sample of each track."""
    sizes = [
        number(moov, match.end() + 4, 4) or number(moov, match.end() + 12, 4)
        for match in re.finditer(b'stsz', moov)
    ]
    places = [*re.finditer(b'stco|co64', moov)]
    if len(places) != len(sizes):
        yield b'', b''
    for match, size in zip(places, sizes, strict=False):
        start = number(moov, match.end() + 8, 4 if match[0] == b'stco' else 8)
        yield b'av01', content[start : start + size]


def _grid_size(data: bytes) -> list[tuple[int, int]]:
    """Return the size of an image that is put together from tiles."""
    size = 4 if number(data, 1, 1) & 1 else 2
    return [(number(data, 4, size), number(data, 4 + size, size))]


def _av1_sizes(data: bytes) -> list[tuple[int, int]]:
    """Return the sizes in the sequence headers of AV1 data; none if not read."""
    sizes: list[tuple[int, int]] = []
    place = frames = 0
    for _ in range(MOST_PARTS):
        if place >= len(data):
            return sizes if frames <= MOST_FRAMES else []
        head = data[place]
        place += 1 + (head >> 2 & 1)
        size = len(data) - place
        if head & 2:
            size = 0
            for i in range(8):
                byte = number(data, place, 1)
                place += 1
                size |= (byte & 127) << 7 * i
                if byte < 128:
                    break
        kind = head >> 3 & 15
        if kind == 1:
            try:
                sizes.append(_sequence_size(data[place : place + min(size, 512)]))
            except ValueError:  # the header is cut short
                return []
        frames += kind in (3, 6)
        place += size
    return []


def _sequence_size(header: bytes) -> tuple[int, int]:
    """Return the largest size of the frames of a sequence of AV1.

    Raises:
        ValueError: If the header is cut short.
    """
    bits = ''.join(f'{byte:08b}' for byte in header)

    def take(count: int) -> int:
        nonlocal bits
        value, bits = int(bits[:count], 2), bits[count:]
        return value

    take(4)  # profile, whether it is a still image
    if take(1):  # the short form of a still image
        take(5)
    else:
        delay = 0
        if take(1):  # timing
            take(64)
            if take(1):
                zeros = len(bits) - len(bits.lstrip('0'))
                take(2 * zeros + 1)
            if take(1):  # decoder model
                delay = 1 + take(5)
                take(42)
        shown = take(1)
        for _ in range(1 + take(5)):
            take(12)
            if take(5) > 7:
                take(1)
            if delay and take(1):
                take(2 * delay + 1)
            if shown and take(1):
                take(4)
    wide, high = 1 + take(4), 1 + take(4)
    return 1 + take(wide), 1 + take(high)


def _segments(content: bytes, place: int) -> Iterator[tuple[int, int]]:
    """Yield marker and begin of the segments of a JPEG 2000 codestream.

    A negative marker says that the rest cannot be read.
    """
    part = 0
    for _ in range(MOST_PARTS):
        if place + 4 > len(content):
            return
        if content[place] != 0xFF:
            break
        marker = content[place + 1]
        if marker == END:
            return
        if marker == TILE_DATA:
            if not part:  # the last tile part
                return
            place = part
            continue
        length = number(content, place + 2, 2)
        if marker == TILE_PART:
            size = number(content, place + 6, 4)
            part = place + size if size else 0
            if size and size < 14:
                break
        elif marker not in MARKERS:
            break
        yield marker, place + 4
        place += 2 + length
    yield -1, 0


def _boxes(content: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the boxes of an ISO file."""
    for _ in range(MOST_PARTS):
        if place + 8 > end:
            return
        size, kind, head = number(content, place, 4), content[place + 4 : place + 8], 8
        if size == 1:
            size, head = number(content, place + 8, 8), 16
        if size == 0:
            size = end - place
        if size < head:
            return
        yield kind, place + head, min(end, place + size)
        place += size
