"""Atomic file writes: a file appears under its name only when it is complete."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

DRAFT = '.tmp'  # ending of a temporary file that a killed process may leave


def write_whole(path: str, content: bytes) -> None:
    """Write a file atomically: under another name, then moved into place.

    Args:
        path (str): The file; its folder is made if needed.
        content (bytes): All of its content.

    Raises:
        OSError: If the file cannot be written. The error names the file, not the
            temporary one. An earlier file stays.
    """
    try:
        _write(path, content)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def _write(path: str, content: bytes) -> None:
    """Write a temporary file and move it into place."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    draft = os.path.join(folder, f'{secrets.token_hex(8)}{DRAFT}')
    try:
        with open(draft, 'xb') as file:  # with the permissions of the umask
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise
