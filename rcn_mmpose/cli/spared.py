"""Files that a verb reads, which it must not write over."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping


def spare(option: str, path: str, read: Mapping[str, str]) -> None:
    """Refuse to write over a file that is read.

    Args:
        option (str): By which the file to write was named.
        path (str): The file to write.
        read (Mapping[str, str]): What the files that are read are, by their
            paths.

    Raises:
        ValueError: If it is one of them, by whatever name.
    """
    place = os.path.realpath(path)
    for file, what in read.items():
        if os.path.realpath(file) == place:
            raise ValueError(f'{option} {path!r} is {what}; give another.')


def model_files(options: argparse.Namespace) -> dict[str, str]:
    """Say what the files that were named as a model are, by their paths."""
    files = {options.model: 'the model'}
    base, ending = os.path.splitext(options.model)
    if ending == '.onnx':
        files[f'{base}.json'] = 'the description of the model'
    if options.checkpoint:
        files[options.checkpoint] = 'the checkpoint'
    return files
