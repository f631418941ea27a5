"""Largest image that is decoded.

The header of a malicious file can claim any size. This module imports nothing,
so that the limit can be set before OpenCV is imported.
"""

# 250 million pixels take 750 MB. The largest phone sensors have 200 million.
MOST_PIXELS = 250_000_000
# OpenCV has the same limit of a side, but checks it only after it has
# allocated the rows.
LONGEST_SIDE = 2**20
# OpenCV reads its limit from this environment variable when it is imported.
OPENCV_PIXEL_LIMIT = 'OPENCV_IO_MAX_IMAGE_PIXELS'
