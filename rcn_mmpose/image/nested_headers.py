"""Headers of TIFF and JPEG 2000, whose size is deep in the file.

Several parts of such a file state a size, and the decoder allocates by the part that
it reads last. The largest size counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from .claims import MOST_PARTS, ImageHeader, boxes, number

# Types of numbers in a TIFF and their bytes: BYTE, SHORT, LONG, LONG8, also signed.
TIFF_TYPES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}
LOG_LUV = 32845  # colours of a TIFF
# Markers of JPEG 2000 that are read: of the main header and of tile parts.
MARKERS = {
    *(0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F),
    *(0x60, 0x61, 0x63, 0x64, 0x74, 0x75, 0x77, 0x78),
}
TILE_PART, TILE_DATA, END = 0x90, 0x93, 0xD9
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
            (b for kind, b, _ in boxes(content, 0, len(content)) if kind == b'jp2c'),
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
