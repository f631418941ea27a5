"""The reason of a failure: what failed, and the error."""

from __future__ import annotations

LONGEST = 500  # characters of an error's message


def reason_of(error: Exception, part: str = '') -> str:
    """Return the reason of a failure.

    Args:
        error (Exception): The error.
        part (str): The part that raised it, ``'detector'`` or ``'network'``.
            Defaults to '', for the reading of images and boxes.

    Returns:
        str: The message. The type of the error is before it, except for errors of
        reading, whose messages say all.
    """
    message = str(error)
    if not part and isinstance(error, (ValueError, TypeError, OSError)):
        return message
    kind = type(error)
    name = kind.__name__
    if kind.__module__ != 'builtins':  # cv2.error
        name = f'{kind.__module__}.{name}'
    message = ' '.join(message.split())[:LONGEST]  # OpenCV's have several lines
    return f'the {part} failed: {name}: {message}' if part else f'{name}: {message}'
