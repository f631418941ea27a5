"""What the work folder of a training tells: checkpoints, curve, time."""

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
        path (str): The file.
        value (str): Name of the value it is best by.
        score (float): That value.
        epoch (int): After which it was written.
    """

    path: str
    value: str
    score: float
    epoch: int


def best_checkpoint(folder: str) -> Best | None:
    """Find the checkpoint that validated best.

    Several are left where a training was killed, and one of them may be cut
    short; each carries its own score.

    Args:
        folder (str): The work folder.

    Returns:
        Best | None: None if there is no whole one.
    """
    found = []
    for path in glob.glob(osp.join(glob.escape(folder), 'best_*.pth')):
        name = re.fullmatch(r'best_(.+)_epoch_(\d+)\.pth', osp.basename(path))
        content = _read(path) if name else None
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
    """Find the newest checkpoint to go on from; None to start anew.

    A killed training may leave its last one cut short, not validated, or
    validated best without the file that keeps the best. Then it is the one
    before, so that no epoch is lost to the choice of the best.
    """
    found = {}
    for path in glob.glob(osp.join(glob.escape(folder), 'epoch_*.pth')):
        name = re.fullmatch(r'epoch_(\d+)\.pth', osp.basename(path))
        if name and _read(path) is not None:
            found[int(name[1])] = path
    best, lines = best_checkpoint(folder), _validations(folder)
    for epoch in sorted(found, reverse=True):
        if best is None:  # MMEngine removes the last one before it saves
            settled = epoch < max(lines, default=0)
        else:
            score = lines.get(epoch, {}).get(best.value)
            settled = score is not None and not _better(best.value, score, best.score)
        if settled:
            return found[epoch]
    return None


def _better(value: str, score: float, than: float) -> bool:
    """Compare scores; errors fall, AUC rises."""
    return score > than if 'AUC' in value else score < than


def _read(path: str) -> dict[str, Any] | None:
    """Read a checkpoint without its weights; None if it is not whole."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        return torch.load(path, map_location='cpu', mmap=True)
    except (RuntimeError, EOFError):
        return None


def logs(folder: str) -> list[str]:
    """List the json logs of all sessions, the first one first."""
    pattern = osp.join(glob.escape(folder), '*', 'vis_data', 'scalars.json')
    # named by their time
    return sorted(
        path
        for path in glob.glob(pattern)
        if re.fullmatch(r'\d{8}_\d{6}', path.split(os.sep)[-3])
    )


def _lines(path: str) -> list[dict]:
    """Read a log; a last line that is cut short does not count."""
    lines = []
    with open(path, encoding='utf-8') as file:
        for line in file:
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
    return lines


def validation_curve(folder: str, value: str) -> list[float | None]:
    """Read a validated value, by epoch from 1 on.

    Args:
        folder (str): The work folder.
        value (str): Its name, such as ``'NME_cells_eye_points'``.

    Returns:
        list[float | None]: None for an epoch after which the training was
        killed before it could validate.
    """
    lines = _validations(folder)
    return [
        round(lines[epoch][value], 4) if value in lines.get(epoch, {}) else None
        for epoch in range(1, max(lines, default=0) + 1)
    ]


def _validations(folder: str) -> dict[int, dict]:
    """Read what was validated, by epoch; the last run counts."""
    return {
        line['step']: line
        for path in logs(folder)
        for line in _lines(path)
        if any(name.startswith('NME') for name in line)
    }


def progress(folder: str, updates: int) -> tuple[float, float | None]:
    """Return how far a training is.

    Args:
        folder (str): The work folder.
        updates (int): Of an epoch.

    Returns:
        tuple[float, float | None]: The epochs done so far, and the main error
        of the last validation in percent, None before the first.
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
    """Return the updates of an epoch, of one process."""
    loader = cfg.train_dataloader
    ways = math.floor if loader.get('drop_last', False) else math.ceil
    return max(1, ways(faces / loader.batch_size))


def training_seconds(folder: str) -> float:
    """Add up how long the sessions took, from their logs' times."""
    total = 0.0
    for path in logs(folder):
        begin = time.strptime(path.split(os.sep)[-3], '%Y%m%d_%H%M%S')
        total += max(0.0, os.stat(path).st_mtime - time.mktime(begin))
    return total
