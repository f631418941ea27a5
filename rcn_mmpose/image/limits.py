"""Largest image that is decoded, the work it may take, and paths that OpenCV can open.

The header of a malicious file can claim any size. This module imports nothing,
so that the limit can be set before OpenCV is imported.
"""

# 250 million pixels take 750 MB, and twice that while OpenCV decodes them. The
# largest phone sensors have 200 million.
MOST_PIXELS = 250_000_000
# Bytes that decoding may take. Some formats take up to 45 bytes a pixel.
MOST_MEMORY = 2_500_000_000
# A progressive JPEG is decoded in scans, and each can pass over all pixels. Encoders
# write about 10; 250 million pixels in 16 scans take about two seconds.
MOST_SCANS = 100
MOST_SCANNED = 16 * MOST_PIXELS
# OpenCV has the same limit of a side, but checks it only after it has
# allocated the rows.
LONGEST_SIDE = 2**20
# OpenCV reads its limit from this environment variable when it is imported.
OPENCV_PIXEL_LIMIT = 'OPENCV_IO_MAX_IMAGE_PIXELS'


def check_path(path: str) -> None:
    """Check that OpenCV can open a path.

    A path with bytes that are not UTF-8 ends the process in a segmentation fault, in
    every function of OpenCV that takes a path.

    Raises:
        ValueError: If the path is not UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f'{path!r}: OpenCV opens no path that is not UTF-8; rename the file or '
            'its folder.'
        ) from error
