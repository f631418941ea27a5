"""A training that is stopped at any time leaves complete checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from rcn_mmpose.engine import WholeCheckpointHook
from rcn_mmpose.engine.checkpoint_hooks import WholeFiles


class Line(BaseModel):
    """A model with one weight, which each step moves towards 0."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, mode: str = 'tensor') -> dict | list:
        return dict(loss=self.weight**2) if mode == 'loss' else [self.weight]


class Errors(BaseMetric):
    """Returns one error of a list per epoch; a None stands for a kill."""

    def __init__(self, errors: list) -> None:
        super().__init__()
        self.errors = iter(errors)

    def process(self, data_batch: object, data_samples: list) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        error = next(self.errors)
        if error is None:
            raise InterruptedError('killed before the validation ended')
        return dict(NME=error)


def train(folder: Path, errors: list, epochs: int = 4, resume: bool = False) -> Runner:
    def data() -> DataLoader:
        faces = TensorDataset(torch.zeros(2, 1))
        return DataLoader(faces, sampler=DefaultSampler(faces, False))

    runner = Runner(
        Line(),
        str(folder),
        train_dataloader=data(),
        val_dataloader=data(),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        val_cfg=dict(),
        val_evaluator=Evaluator([Errors(errors)]),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(
                type='rcn_mmpose.WholeCheckpointHook',
                interval=1,
                max_keep_ckpts=2,
                save_best='NME',
                less_keys=['NME'],
            )
        ),
        resume=resume,
        default_scope='mmpose',
        experiment_name=f'{folder.name}_{len(errors)}_{resume}',
        log_level='WARNING',
    )
    runner.train()
    return runner


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob('*.pth'))


def test_best_is_a_link_to_the_best_checkpoint(tmp_path: Path) -> None:
    train(tmp_path, [3, 1, 2], epochs=3)
    best = tmp_path / 'best.pth'
    assert best.is_symlink() and os.readlink(best) == 'best_NME_epoch_2.pth'
    train(tmp_path, [2, 0.5], epochs=4, resume=True)
    assert os.readlink(best) == 'best_NME_epoch_4.pth'
    names = sorted(path.name for path in tmp_path.glob('best*'))
    assert names == ['best.pth', 'best_NME_epoch_4.pth']


def test_a_file_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / 'best.pth').write_text('my weights')
    train(tmp_path, [1], epochs=1)
    assert (tmp_path / 'best.pth').read_text() == 'my weights'


def test_the_last_two_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    train(tmp_path, [4.0, 2.0, 3.0, 5.0])
    assert names(tmp_path) == [
        'best.pth',
        'best_NME_epoch_2.pth',
        'epoch_3.pth',
        'epoch_4.pth',
    ]
    last = (tmp_path / 'last_checkpoint').read_text()
    assert last == str(tmp_path / 'epoch_4.pth')
    weight = torch.load(last)['state_dict']['weight']
    # Each of the eight steps gives w - 0.1 * 2 w.
    torch.testing.assert_close(weight, torch.tensor([0.8**8]))


def test_a_complete_checkpoint_exists_after_each_change_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(change: Callable) -> Callable:
        def changed(*places: str | Path, **options: object) -> None:
            change(*places, **options)
            pointer = tmp_path / 'last_checkpoint'
            best = list(tmp_path.glob('best_*.pth'))
            if not pointer.exists():
                assert not best
                return
            checkpoint = torch.load(pointer.read_text())
            seen.append(checkpoint['meta']['epoch'])
            for path in tmp_path.glob('*.pth'):
                assert torch.load(path)['state_dict']['weight'] < 1
            assert best or seen[-1] == 1

        return changed

    for name in ('replace', 'remove', 'unlink'):
        monkeypatch.setattr(os, name, look(getattr(os, name)))
    train(tmp_path, [4.0, 2.0, 3.0, 1.0])
    assert sorted(set(seen)) == [1, 2, 3, 4]
    # 4 epochs, 3 new best checkpoints, and the removal of replaced files.
    assert len(seen) > 15


def test_resuming_first_runs_a_missing_validation(
    tmp_path: Path,
) -> None:
    with pytest.raises(InterruptedError):
        train(tmp_path, [4.0, None])
    assert names(tmp_path) == [
        'best.pth',
        'best_NME_epoch_1.pth',
        'epoch_1.pth',
        'epoch_2.pth',
    ]
    (tmp_path / 'tmpabc.tmp').write_bytes(b'half a checkpoint')
    train(tmp_path, [2.0, 3.0, 5.0], resume=True)
    assert names(tmp_path) == [
        'best.pth',
        'best_NME_epoch_2.pth',
        'epoch_3.pth',
        'epoch_4.pth',
    ]
    assert not list(tmp_path.glob('*.tmp'))
    weight = torch.load(tmp_path / 'epoch_4.pth')['state_dict']['weight']
    torch.testing.assert_close(weight, torch.tensor([0.8**8]))


def test_resuming_runs_a_missing_validation_of_the_last_epoch(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        train(tmp_path, [4.0, None], epochs=2)
    train(tmp_path, [3.0], epochs=2, resume=True)
    assert 'best_NME_epoch_2.pth' in names(tmp_path)


def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a.pth'
    WholeFiles().put(b'old', path)

    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match=r'No space .* 3 bytes.*a\.pth'):
        WholeFiles().put(b'new', path)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(max_keep_ckpts=1), 'max_keep_ckpts=1; keep 2'),
        (dict(backend_args=dict(backend='petrel')), 'local files'),
    ],
)
def test_bad_settings(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WholeCheckpointHook(**options)
