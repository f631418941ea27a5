"""A training stops when its loss is not finite, and names the batch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import Dataset

from rcn_mmpose.engine import FiniteLossHook
from rcn_mmpose.engine.hooks import image_names


class Faces(Dataset):
    """Six faces; the image of the last face is not finite."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, i: int) -> dict:
        value = float('nan') if i == 5 else 1.0
        sample = BaseDataElement(metainfo=dict(img_path=f'{i}.jpg'))
        return dict(inputs=torch.tensor(value), data_samples=sample)


class Line(BaseModel):
    """A model with one weight; images that are not finite matter from an epoch on."""

    def __init__(self, from_epoch: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.bad_from = from_epoch * 3
        self.updates = 0

    def forward(self, inputs: Tensor, data_samples: list, mode: str) -> dict:
        self.updates += 1
        if self.updates <= self.bad_from:
            inputs = torch.nan_to_num(torch.stack(inputs))
        else:
            inputs = torch.stack(inputs)
        return dict(loss_kpt=(self.weight * inputs).mean())


def train(folder: Path, from_epoch: int, **hook: object) -> None:
    Runner(
        Line(from_epoch),
        str(folder),
        train_dataloader=dict(
            dataset=Faces(),
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=5),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(type='rcn_mmpose.WholeCheckpointHook', interval=1)
        ),
        custom_hooks=[dict(type='rcn_mmpose.FiniteLossHook', **hook)],
        default_scope='mmpose',
        experiment_name=f'{folder.name}_{from_epoch}',
        log_level='ERROR',
    ).train()


def test_the_error_names_the_batch_and_good_checkpoints_stay(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError) as error:
        train(tmp_path, from_epoch=2)
    said = str(error.value)
    assert 'epoch 3, batch 3: loss nan, loss_kpt nan' in said
    assert 'Its images: 4.jpg, 5.jpg. ' in said
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == [
        'epoch_1.pth',
        'epoch_2.pth',
    ]
    weight = torch.load(tmp_path / 'epoch_2.pth')['state_dict']['weight']
    assert weight.isfinite().all()


def update(hook: FiniteLossHook, number: int, loss: float) -> None:
    # The loss is not on a CPU, so the check waits for the interval.
    batch = dict(data_samples=[{'img_path': f'{number}.jpg'}])
    runner = SimpleNamespace(epoch=0, train_dataloader=SimpleNamespace(dataset=None))
    hook._seen.append((number, {'loss': torch.tensor(loss)}, batch))
    if len(hook._seen) >= hook.interval:
        hook._look(runner)


def test_a_late_check_finds_the_first_bad_batch() -> None:
    hook = FiniteLossHook(interval=4)
    for number, loss in enumerate([1.0, 2.0, float('inf')]):
        update(hook, number, loss)
    with pytest.raises(ValueError, match=r'batch 3: loss inf. .*: 2\.jpg\.'):
        update(hook, 3, float('nan'))


def test_the_loss_is_checked_before_saving() -> None:
    hook = FiniteLossHook(interval=100)
    update(hook, 0, float('nan'))
    runner = SimpleNamespace(epoch=0, train_dataloader=SimpleNamespace(dataset=None))
    with pytest.raises(ValueError, match='not finite'):
        hook.before_save_checkpoint(runner, {})
    hook.before_save_checkpoint(runner, {})  # as in a later training


def test_names_of_cached_faces() -> None:
    source = SimpleNamespace(get_data_info=lambda i: dict(img_path=f'{i}.png'))
    keys = [np.array([[0, 3, 8], [0, 3, 2]])]
    batch = dict(crop_cache=['a'], keys=keys)
    dataset = SimpleNamespace(source=source)
    assert image_names(dataset, batch) == ['8.png', '2.png']
    assert image_names(dataset, [1, 2]) == []


def test_bad_interval() -> None:
    with pytest.raises(ValueError, match='interval=0'):
        FiniteLossHook(interval=0)
