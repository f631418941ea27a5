"""What the header of an image file claims, and numbers in its bytes."""

from __future__ import annotations

from typing import Literal, NamedTuple


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
