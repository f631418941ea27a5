"""Training a denoiser, and testing the denoiser alone and with a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from test_with_mmpose import make_faces

FILES = tuple(f'300w_{part}.json' for part in ('train', 'val', 'test'))
# A denoiser with few weights, for maps of the usual shape.
TINY = dict([('backbone.channels', 2), ('backbone.kernel_size', 3)])
TINY['head.in_channels'] = 2


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data root of four faces."""
    make_faces(tmp_path / 'data', 68, FILES)
    (tmp_path / 'data' / 'images').rename(tmp_path / 'data' / '300w')
    return tmp_path / 'data'


@pytest.fixture
def tool(fresh: Callable, root: Path, tmp_path: Path) -> Callable[..., None]:
    """A function that runs tools/<name>.py on these faces."""

    def run(name: str, config: str, *arguments: object, **options: object):
        parts = ('train', 'val', 'test') if 'joint' not in config else ('test',)
        options = {
            **{f'{part}_dataloader.num_workers': 0 for part in parts},
            **{f'{part}_dataloader.persistent_workers': False for part in parts},
            **options,
        }
        done = fresh(
            root / 'tools' / f'{name}.py',
            root / 'configs' / f'{config}.py',
            *arguments,
            '--cfg-options',
            *(f'{key}={value}' for key, value in options.items()),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def below(place: str) -> dict:
    """Options that put the small denoiser at a place in a config."""
    return {f'{place}.{key}': value for key, value in TINY.items()}


def build(root: Path, config: str, options: dict) -> torch.nn.Module:
    """Build the model of a config."""
    cfg = Config.fromfile(str(root / 'configs' / f'{config}.py'))
    cfg.merge_from_dict(options)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(cfg.model)


def save(path: Path, weights: dict) -> Path:
    torch.save(dict(state_dict=weights), path)
    return path


def test_a_denoiser_needs_no_images(
    tool: Callable, root: Path, data: Path, tmp_path: Path
) -> None:
    shutil.rmtree(data / '300w')
    options = below('model')
    work, out = tmp_path / 'work', tmp_path / 'out.json'
    tool(
        'train',
        'denoiser_300w',
        '--work-dir',
        work,
        **{'train_cfg.max_epochs': 1, 'train_dataloader.batch_size': 2},
        **options,
    )
    checkpoint = work / 'epoch_1.pth'
    found = torch.load(checkpoint, weights_only=False)['state_dict']
    model = build(root, 'denoiser_300w', options)
    assert found.keys() == model.state_dict().keys()
    tool('test', 'denoiser_300w', checkpoint, '--out', out, **options)
    tested = json.loads(out.read_text())
    # Validation and test use the same faces and corrupt them equally.
    logged: dict = {}
    for path in work.rglob('scalars.json'):
        for line in path.read_text().splitlines():
            logged.update(json.loads(line))
    both = tested.keys() & logged.keys()
    assert any(tested[key] > 0 for key in both)
    for key in both:
        assert tested[key] == pytest.approx(logged[key])


@pytest.fixture
def checkpoints(root: Path, tmp_path: Path) -> dict[str, Path]:
    """Checkpoints of a joint model and of its two parts."""
    torch.manual_seed(0)
    joint = build(root, 'joint_300w', below('model.refiner')).state_dict()
    inside = 'refiner.'
    return dict(
        joint=save(tmp_path / 'joint.pth', joint),
        network=save(
            tmp_path / 'network.pth',
            {k: v for k, v in joint.items() if not k.startswith(inside)},
        ),
        denoiser=save(
            tmp_path / 'denoiser.pth',
            {
                k.removeprefix(inside): v
                for k, v in joint.items()
                if k.startswith(inside)
            },
        ),
    )


def test_joint_model_from_one_or_two_checkpoints(
    tool: Callable, data: Path, checkpoints: dict, tmp_path: Path
) -> None:
    results = []
    for part, options in (
        ('joint', {}),
        ('network', {'model.refiner_checkpoint': checkpoints['denoiser']}),
    ):
        out = tmp_path / f'{part}.json'
        tool(
            'test',
            'joint_300w',
            checkpoints[part],
            '--out',
            out,
            **below('model.refiner'),
            **options,
        )
        results.append(json.loads(out.read_text()))
    assert results[0] == results[1]
    assert any(value > 0 for value in results[0].values())
