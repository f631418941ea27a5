"""The formats of video files that are opened.

FFmpeg chooses a format by the content, not by the ending. A text named ``.mp4`` can be
a playlist, which opens other files and addresses.
"""

from __future__ import annotations

# Format -> the bytes that its files begin with, or that follow a size of 4 bytes.
BEGINNINGS = {
    'Matroska or WebM': (b'\x1a\x45\xdf\xa3',),
    'AVI': (b'RIFF', b'RIFX'),
    'MPEG program or video': (b'\x00\x00\x01',),
    'H.264 or H.265': (b'\x00\x00\x00\x01',),
    'MPEG transport': (b'G',),
    'Flash': (b'FLV',),
    'Ogg': (b'OggS',),
    'Windows Media': (b'\x30\x26\xb2\x75',),
    'raw YUV': (b'YUV4MPEG2',),
    'MXF': (b'\x06\x0e\x2b\x34',),
    'IVF': (b'DKIF',),
    'JPEG': (b'\xff\xd8\xff',),
    'PNG': (b'\x89PNG',),
    'GIF': (b'GIF8',),
    'BMP': (b'BM',),
    'TIFF': (b'II*\x00', b'MM\x00*'),
}
# Kinds of the first part of MP4 and QuickTime, after its size.
MP4 = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'pnot', b'uuid')
TRANSPORT, PACKET = b'G', (188, 192, 204)  # bytes from one sync byte to the next


def check_container(path: str) -> None:
    """Check that a file begins like a video or an image.

    Args:
        path (str): The file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is in no known format, such as a playlist.
    """
    with open(path, 'rb') as file:
        start = file.read(512)
    if start[4:8] in MP4:
        return
    for beginnings in BEGINNINGS.values():
        if start.startswith(beginnings):
            if beginnings != (TRANSPORT,):
                return
            # A text may begin with this letter too.
            if any(start[size : size + 1] == TRANSPORT for size in PACKET):
                return
    # Recorders put 4 bytes before each packet.
    if start[4:5] == start[196:197] == TRANSPORT:
        return
    raise ValueError(
        f'video {path!r} is in none of the formats that are opened '
        f'({", ".join(("MP4", *BEGINNINGS))}); a playlist or another text could name '
        'other files and addresses. Convert the video to MP4.'
    )
