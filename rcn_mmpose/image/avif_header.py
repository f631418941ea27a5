"""Header of AVIF, whose size is in boxes and in the AV1 data.

OpenCV's decoder allocates by the size in the data; the boxes may claim another one.
The largest size counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .claims import MOST_PARTS, ImageHeader, boxes, number

# A still image has one frame; one with layers has up to four.
MOST_FRAMES = 16


def read_avif(content: bytes) -> ImageHeader | None:
    """Read the header of an AVIF file: its boxes and its AV1 sequence headers."""
    sizes: list[tuple[int, int]] = []
    left = len(content)
    for kind, start, end in boxes(content, 0, len(content)):
        if kind not in (b'meta', b'moov'):
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
        if kind == b'meta':
            pieces = _items(content, part)
        else:
            pieces = _samples(content, start, end)
        for form, data in pieces:
            left -= len(data)
            found = _grid_size(data) if form == b'grid' else _av1_sizes(data)
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
    inner = [begin for _, begin, _ in _find(meta, 4, len(meta), b'idat')]
    left = MOST_PARTS
    for match in re.finditer(b'iloc', meta):
        place = match.end()
        version, sizes = number(meta, place, 1), number(meta, place + 4, 2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        wide = 4 if version > 1 else 2
        count = number(meta, place + 6, wide)
        place += 6 + wide
        for _ in range(min(count, MOST_PARTS)):
            if place > len(meta):  # cut short
                yield b'', b''
                return
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
                if left < 0 or (method == 1 and len(inner) != 1):
                    yield b'', b''
                    return
                place += index if version else 0
                first = begin + number(meta, place, offset)
                size = number(meta, place + offset, length)
                place += offset + length
                source = content
                if method == 1:
                    source, first = meta, first + inner[0]
                if wanted and len(data) <= len(content):
                    data += source[first : first + size] if size else source[first:]
            for kind in wanted:
                yield kind, data


def _samples(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the first sample of each track in a ``moov`` box."""
    path = (b'trak', b'mdia', b'minf', b'stbl')
    for _, begin, stop in _find(content, start, end, *path):
        tables = {kind: place for kind, place, _ in boxes(content, begin, stop)}
        if len(tables) < len([*boxes(content, begin, stop)]):  # one is repeated
            yield b'', b''
            return
        sizes = tables.get(b'stsz', len(content))
        size = number(content, sizes + 4, 4) or number(content, sizes + 12, 4)
        if b'stco' in tables:
            place = number(content, tables[b'stco'] + 8, 4)
        else:
            place = number(content, tables.get(b'co64', len(content)) + 8, 8)
        yield b'av01', content[place : place + size]


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


def _find(
    content: bytes, start: int, end: int, *path: bytes
) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the boxes at a path of kinds."""
    for kind, begin, stop in boxes(content, start, end):
        if kind == path[0]:
            if len(path) == 1:
                yield kind, begin, stop
            else:
                yield from _find(content, begin, stop, *path[1:])
