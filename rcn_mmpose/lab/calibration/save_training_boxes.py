"""Write training boxes into annotation files, checkpoints and exported models."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

from ...inference.loading import description_of, read_description
from ...io.atomic import write_whole
from ...io.text_files import open_text


def save_training_boxes(path: str, boxes: Mapping[str, Mapping]) -> None:
    """Write training boxes into a file, atomically.

    The other content of the file stays.

    Args:
        path (str): An annotation file (.json), a checkpoint (.pth) or an exported
            model (.onnx).
        boxes (Mapping): See :mod:`rcn_mmpose.geometry.training_boxes`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has another ending, or is none of these.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'{path!r} does not exist.')
    if file.suffix in ('.pth', '.pt'):
        _save_in_checkpoint(path, boxes)
        return
    if file.suffix not in ('.json', '.onnx'):
        raise ValueError(
            f'{path!r}; give an annotation file (.json), a checkpoint (.pth) or an '
            'exported model (.onnx).'
        )
    if file.suffix == '.onnx':
        read_description(file)  # checks both files
        file = description_of(file)
    with open_text(str(file)) as stream:
        content = json.load(stream)
    if 'annotations' in content:
        content.setdefault('info', {})['training_boxes'] = dict(boxes)
        text = json.dumps(content)
    elif 'input_size' in content:
        content['training_boxes'] = dict(boxes)
        text = json.dumps(content, indent=2, ensure_ascii=False) + '\n'
    else:
        raise ValueError(f'{str(file)!r} is no annotation file and no exported model.')
    write_whole(str(file), text.encode())


def _save_in_checkpoint(path: str, boxes: Mapping[str, Mapping]) -> None:
    """Write training boxes into the description of the dataset."""
    import torch

    from ... import compat
    from ...io.checkpoint import read_checkpoint

    compat.activate()
    read_checkpoint(path)  # says what is wrong with the file
    content = torch.load(path, map_location='cpu', weights_only=True)
    dataset = content.setdefault('meta', {}).setdefault('dataset_meta', {})
    dataset['training_boxes'] = {name: dict(entry) for name, entry in boxes.items()}
    stream = io.BytesIO()
    torch.save(content, stream)
    write_whole(path, stream.getvalue())
