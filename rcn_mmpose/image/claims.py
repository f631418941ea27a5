"""What the header of an image file claims, and numbers in its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

# Parts of a file that are looked at, so that a hostile file takes little time.
MOST_PARTS = 100_000


class ImageHeader(NamedTuple):
    """What a header claims.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        memory: Most bytes that decoding takes.
        deep: Whether the file has room for more than 8 bits.
        scans: How often the decoder passes over all pixels.
        whole: Whether the file is complete, as far as that was checked.
        fault: Why the file is not decoded, or an empty text.
    """

    width: int
    height: int
    memory: float
    deep: bool = False
    scans: int = 1
    whole: bool = True
    fault: str = ''


def number(content: bytes, place: int, size: int, big: bool = True) -> int:
    """Return an unsigned number of the content; missing bytes count as none."""
    order: Literal['big', 'little'] = 'big' if big else 'little'
    return int.from_bytes(content[place : place + size], order)


def boxes(content: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
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
