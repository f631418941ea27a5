"""Options of tools/train.py for speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from rcn_mmpose.engine import hooks as engine_hooks

ARGUMENTS = (
    'train_cfg.max_epochs=1',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=12',
    'auto_scale_lr.base_batch_size=3',
)


def test_cache_folder_and_square_root_rule(
    fresh: Callable, root: Path, converted: Path, tmp_path: Path
) -> None:
    work, caches = tmp_path / 'work', tmp_path / 'caches'
    done = fresh(
        root / 'tools' / 'train.py',
        root / 'configs' / 'rcn_aflw.py',
        *('--device-data', caches, '--auto-scale-lr', 'sqrt'),
        *('--no-validate', '--work-dir', work, '--cfg-options'),
        f'train_dataloader.dataset.data_root={converted}/',
        *ARGUMENTS,
        cwd=tmp_path,
    )
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert list(caches.glob('crops_mtfl_train_*/crops.npy'))
    assert not (converted / 'cache').exists()
    # A batch of 12 faces is 4 times the base of 3.
    assert 'Learning rate 0.002 -> 0.004' in log
    last = torch.load(work / 'epoch_1.pth', weights_only=False)
    assert last['optimizer']['param_groups'][0]['initial_lr'] == 4e-3


@pytest.mark.parametrize('hooks', [None, [dict(type='X')]])
def test_compile_is_part_of_the_config(
    hooks: list | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Using the option twice adds one hook, because a run saves its config."""
    monkeypatch.setattr(engine_hooks, 'check_compiler', lambda: None)
    cfg = Config(dict(custom_hooks=hooks))
    for mode in ('default', 'reduce-overhead'):
        engine_hooks.use_compiler(cfg, mode)
        assert cfg.custom_hooks == [
            *(hooks or []),
            dict(type='rcn_mmpose.CompileHook', mode=mode),
        ]
