"""Files that appear whole or not at all, and what broken ones raise."""

from __future__ import annotations

import os
import tempfile

DRAFT = '.tmp'  # ending of what a killed process may leave behind
# What comes of parsing a broken file: lists that are dicts, numbers too large
# for a float, brackets nested a thousand deep.
BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def write_whole(path: str, content: bytes) -> None:
    """Write a file under another name, then move it into place.

    Args:
        path (str): The file; its folder is made if needed.
        content (bytes): All of it.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, suffix=DRAFT)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
