from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from rcn_mmpose.lab.paper.work_folder import (
    best_checkpoint,
    progress,
    resume_from,
    training_seconds,
    updates_of,
    validation_curve,
)

VALUE = 'NME_cells_eye_points'


def save(folder: Path, name: str, score: float = 0) -> Path:
    """Write a checkpoint with a score."""
    path = folder / f'{name}.pth'
    hub = dict(runtime_info=dict(best_score=score))
    torch.save(dict(state_dict=dict(x=torch.zeros(9)), message_hub=hub), path)
    return path


def best(folder: Path, epoch: int, score: float, value: str = VALUE) -> Path:
    return save(folder, f'best_{value}_epoch_{epoch}', score)


def cut(path: Path) -> None:
    """Truncate a file as a killed process may leave it."""
    path.write_bytes(path.read_bytes()[:-100])


def log(folder: Path, session: str, lines: list[dict], end: str = '') -> Path:
    path = folder / session / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(n) + '\n' for n in lines) + end)
    return path


def validated(*errors: float, first: int = 1) -> list[dict]:
    """Return lines of a log: three updates per epoch, then a validation."""
    lines = []
    for epoch, error in enumerate(errors, first):
        lines.append(dict(loss=1.0, epoch=epoch, step=3 * epoch))
        both = dict(NME_pixels_eye_points=error - 0.5)
        lines.append({**both, VALUE: error, 'step': epoch})
    return lines


def test_best_checkpoint(tmp_path: Path) -> None:
    assert best_checkpoint(tmp_path) is None
    best(tmp_path, 7, 5.5)
    lowest = best(tmp_path, 5, 4.5)
    save(tmp_path, 'epoch_8', 1.0)
    assert best_checkpoint(tmp_path) == (str(lowest), VALUE, 4.5, 5)
    cut(lowest)
    assert best_checkpoint(tmp_path).epoch == 7


def test_best_by_a_value_that_rises(tmp_path: Path) -> None:
    best(tmp_path, 1, 40.0, 'AUC8_pixels_box')
    best(tmp_path, 2, 50.0, 'AUC8_pixels_box')
    assert best_checkpoint(tmp_path).epoch == 2


def test_resuming_where_no_epoch_is_lost(tmp_path: Path) -> None:
    assert resume_from(tmp_path) is None
    second, third = save(tmp_path, 'epoch_2'), save(tmp_path, 'epoch_3')
    assert resume_from(tmp_path) is None  # nothing was validated
    log(tmp_path, '20260101_000000', validated(6, 5))
    best(tmp_path, 2, 5.0)
    # Epoch 3 was saved, but the process was killed before its validation.
    assert resume_from(tmp_path) == str(second)
    log(tmp_path, '20260101_000100', validated(7, first=3))
    assert resume_from(tmp_path) == str(third)
    cut(third)
    assert resume_from(tmp_path) == str(second)


def test_resuming_where_the_best_was_not_saved(tmp_path: Path) -> None:
    second = save(tmp_path, 'epoch_2')
    save(tmp_path, 'epoch_3')
    log(tmp_path, '20260101_000000', validated(6, 5, 4))
    # The old best checkpoint was removed; the new one is truncated.
    cut(best(tmp_path, 3, 4))
    assert resume_from(tmp_path) == str(second)
    best(tmp_path, 2, 5)
    assert resume_from(tmp_path) == str(second)


def test_curve_and_progress_of_all_sessions(tmp_path: Path) -> None:
    assert validation_curve(tmp_path, VALUE) == []
    assert progress(tmp_path, 3) == (0.0, None)
    log(tmp_path, '20260101_000000', validated(9, 8), '{"NME_cells')
    # Tests write logs, too.
    log(tmp_path / 'test_aflw', '20260101_000000', validated(1, 1, 1))
    lines = [*validated(7, first=4), dict(loss=1.0, step=13)]
    log(tmp_path, '20260101_000100', lines)
    assert validation_curve(tmp_path, VALUE) == [9, 8, None, 7]
    assert progress(tmp_path, 3) == (13 / 3, 6.5)


def test_updates_of_an_epoch() -> None:
    cfg = Config(dict(train_dataloader=dict(batch_size=4)))
    assert updates_of(cfg, 13) == 4
    cfg.train_dataloader.drop_last = True
    assert updates_of(cfg, 13) == 3


def test_time_of_all_sessions(tmp_path: Path) -> None:
    for session, seconds in (('20260101_000000', 60), ('20260102_000000', 5)):
        path = log(tmp_path, session, [])
        begin = time.mktime(time.strptime(session, '%Y%m%d_%H%M%S'))
        os.utime(path, (begin + seconds, begin + seconds))
    assert training_seconds(tmp_path) == pytest.approx(65)
