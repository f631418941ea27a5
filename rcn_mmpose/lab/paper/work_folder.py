"""Read the work folder of a training: checkpoints, curves, duration."""

from __future__ import annotations

import glob
import json
import math
import os
import os.path as osp
import re
import time
import zipfile
from typing import Any, NamedTuple

import torch
from mmengine.config import Config


class Best(NamedTuple):
    """The best checkpoint by validation.

    Attributes:
        path (str): Path of the file.
        value (str): Name of the validated value.
        score (float): The validated value.
        epoch (int): Epoch after which the file was written.
    """

    path: str
    value: str
    score: float
    epoch: int


def best_checkpoint(folder: str) -> Best | None:
    """Find the checkpoint with the best validation.

    A killed training may leave several best checkpoints, one of them
    truncated. Each checkpoint stores its score.

    Args:
        folder (str): The work folder.

    Returns:
        Best | None: None if there is no whole best checkpoint.
    """
    found = []
    for path in glob.glob(osp.join(glob.escape(folder), 'best_*.pth')):
        name = re.fullmatch(r'best_(.+)_epoch_(\d+)\.pth', osp.basename(path))
        if name is None:
            continue
        content = _read(path)
        if content is None:
            continue
        score = float(content['message_hub']['runtime_info']['best_score'])
        found.append(Best(path, name[1], score, int(name[2])))
    best = None
    for other in sorted(found, key=lambda b: b.epoch):
        if best is None or _better(best.value, other.score, best.score):
            best = other
    return best


def resume_from(folder: str) -> str | None:
    """Find the newest checkpoint to resume from; None to start from epoch 1.

    A killed training may leave its last checkpoint truncated, or not
    validated, or validated best without a best checkpoint. The previous
    checkpoint is resumed in these cases, so that every epoch takes part in
    the choice of the best.
    """
    found = {}
    for path in glob.glob(osp.join(glob.escape(folder), 'epoch_*.pth')):
        name = re.fullmatch(r'epoch_(\d+)\.pth', osp.basename(path))
        if name and _read(path) is not None:
            found[int(name[1])] = path
    best, lines = best_checkpoint(folder), _validations(folder)
    for epoch in sorted(found, reverse=True):
        if best is None:  # MMEngine removes the old best before it saves the new
            settled = epoch < max(lines, default=0)
        else:
            score = lines.get(epoch, {}).get(best.value)
            settled = score is not None and not _better(best.value, score, best.score)
        if settled:
            return found[epoch]
    return None


def _better(value: str, score: float, than: float) -> bool:
    """Return whether a score is better: a lower error or a higher AUC."""
    return score > than if 'AUC' in value else score < than


def _read(path: str) -> dict[str, Any] | None:
    """Read a checkpoint without its weights; None if it is truncated."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        # Not io.checkpoint.read_checkpoint: with mmap the weights stay on disk.
        return torch.load(path, map_location='cpu', mmap=True)
    except (RuntimeError, EOFError):
        return None


def logs(folder: str) -> list[str]:
    """List the JSON logs of all sessions, oldest first."""
    pattern = osp.join(glob.escape(folder), '*', 'vis_data', 'scalars.json')
    # The folder of a session is named by its start time.
    return sorted(
        path
        for path in glob.glob(pattern)
        if re.fullmatch(r'\d{8}_\d{6}', path.split(os.sep)[-3])
    )


def _lines(path: str) -> list[dict]:
    """Read a log up to a truncated last line."""
    lines = []
    with open(path, encoding='utf-8') as file:
        for line in file:
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
    return lines


def validation_curve(folder: str, value: str) -> list[float | None]:
    """Read a validated value by epoch, from epoch 1 on.

    Args:
        folder (str): The work folder.
        value (str): Name of the value, such as ``'NME_cells_eye_points'``.

    Returns:
        list[float | None]: None for an epoch without validation, where the
        training was killed.
    """
    lines = _validations(folder)
    return [
        round(lines[epoch][value], 4) if value in lines.get(epoch, {}) else None
        for epoch in range(1, max(lines, default=0) + 1)
    ]


def _validations(folder: str) -> dict[int, dict]:
    """Read the validated values by epoch; a later session overrides."""
    return {
        line['step']: line
        for path in logs(folder)
        for line in _lines(path)
        if any(name.startswith('NME') for name in line)
    }


def progress(folder: str, updates: int) -> tuple[float, float | None]:
    """Return the progress of a training.

    Args:
        folder (str): The work folder.
        updates (int): Updates of an epoch.

    Returns:
        tuple[float, float | None]: Number of finished epochs, and the main
        error of the last validation in percent, None before the first.
    """
    done = error = None
    for path in reversed(logs(folder)):
        for line in reversed(_lines(path)):
            errors = [line[name] for name in line if name.startswith('NME')]
            if errors and error is None:
                error = errors[0]
            if 'loss' in line and done is None:
                done = line['step'] / updates
    return done or 0.0, error


def updates_of(cfg: Config, faces: int) -> int:
    """Return the number of updates of an epoch with one process."""
    loader = cfg.train_dataloader
    ways = math.floor if loader.get('drop_last', False) else math.ceil
    return max(1, ways(faces / loader.batch_size))


def training_seconds(folder: str) -> float:
    """Return the total duration of all sessions, from the times of their logs."""
    total = 0.0
    for path in logs(folder):
        begin = time.strptime(path.split(os.sep)[-3], '%Y%m%d_%H%M%S')
        total += max(0.0, os.stat(path).st_mtime - time.mktime(begin))
    return total
