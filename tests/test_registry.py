from __future__ import annotations

import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import mmengine.registry
import pytest
import torch
from mmengine.registry import DefaultScope

import rcn_mmpose.registry as ours


class Faces(list):
    """A minimal dataset that accepts a seed and an epoch with each index."""

    takes_epochs = True


# All registered names; a new part is added here.
PARTS = dict(
    MODELS=[
        'CropCachePreprocessor',
        'ELTPoseEstimator',
        'EquivariantLandmarkLoss',
        'JointEstimator',
        'KeypointDenoiser',
        'LCNDataPreprocessor',
        'LRRHead',
        'LargeKernelNet',
        'RCN',
        'Recombinator',
        'RefineNet',
        'SoftArgmaxHead',
        'SoftArgmaxLoss',
        'SpatialCrossEntropyLoss',
        'SpatialSoftmaxHead',
        'SumNet',
        'SumNetHead',
        'TCDCN',
        'Trunk',
    ],
    KEYPOINT_CODECS=['CellIndex'],
    DATASETS=[
        'AFLW5Dataset',
        'AFWDataset',
        'CachedFaceDataset',
        'FaceDataset',
        'MTFLDataset',
        'OwnFaceDataset',
        'W300Dataset',
        'W300FivePointsDataset',
    ],
    DATA_SAMPLERS=['EpochSampler'],
    TRANSFORMS=[
        'CorruptKeypoints',
        'CropFace',
        'CropKeypoints',
        'FaceBox',
        'FlipFace',
        'LCN',
        'LoadGreyImage',
        'RandomOcclusion',
        'UniformJitter',
        'WithholdLabels',
    ],
    METRICS=['FaceNME'],
    HOOKS=[
        'ChannelsLastHook',
        'CheckpointCheckHook',
        'CompileHook',
        'FiniteLossHook',
        'ResumeHook',
        'WholeCheckpointHook',
    ],
    OPTIM_WRAPPERS=['CPUAmpOptimWrapper'],
)
HEAD = dict(
    type='rcn_mmpose.SpatialSoftmaxHead',
    in_channels=2,
    out_channels=3,
    decoder=dict(type='rcn_mmpose.CellIndex', input_size=(8, 8)),
)
DENOISER = dict(
    type='rcn_mmpose.KeypointDenoiser',
    backbone=dict(
        type='rcn_mmpose.LargeKernelNet',
        in_channels=3,
        channels=2,
        kernel_size=5,
        input_size=(8, 8),
    ),
    head=HEAD,
)
NEEDED = dict(
    CachedFaceDataset=dict(
        dataset=dict(type='rcn_mmpose.FaceDataset', ann_file='not_read.json'),
        crop_size=160,
        extent=1.8,
        lazy_init=True,
    ),
    CellIndex=dict(input_size=(80, 80)),
    CorruptKeypoints=dict(
        encoder=dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))
    ),
    CropCachePreprocessor=dict(
        pipeline=[
            dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
            dict(
                type='GenerateTarget',
                encoder=dict(type='rcn_mmpose.CellIndex', input_size=(80, 80)),
            ),
        ]
    ),
    CropFace=dict(input_size=(80, 80)),
    CropKeypoints=dict(input_size=(80, 80)),
    EpochSampler=dict(dataset=Faces(range(3))),
    ELTPoseEstimator=dict(
        backbone=dict(type='rcn_mmpose.RCN', num_branches=2),
        head=dict(HEAD, type='rcn_mmpose.SoftArgmaxHead'),
    ),
    JointEstimator=dict(
        backbone=dict(type='rcn_mmpose.RCN', num_branches=2),
        head=HEAD,
        refiner=DENOISER,
    ),
    KeypointDenoiser={k: DENOISER[k] for k in ('backbone', 'head')},
    LargeKernelNet=dict(in_channels=1, channels=1, num_convs=1),
    OwnFaceDataset=dict(
        metainfo=dict(keypoints=['a'], flip_pairs=[], eyes=((0,), (0,)))
    ),
    LRRHead=dict(in_channels=(2, 3), out_channels=1),
    Recombinator=dict(in_channels=[2, 3]),
    RefineNet=dict(in_channels=(2, 3), channels=(1, 2)),
    SoftArgmaxHead=dict(in_channels=2, out_channels=1),
    SpatialSoftmaxHead=dict(in_channels=2, out_channels=1),
    SumNetHead=dict(in_channels=(2, 3), out_channels=1),
    WithholdLabels=dict(kept=0.5),
    CPUAmpOptimWrapper=dict(
        optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    ),
)


@pytest.fixture(params=['mmpose', None])
def scope(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Run the test with the default scope of MMPose, and without a scope."""
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())
    named = DefaultScope.overwrite_default_scope(request.param)
    with named if request.param else nullcontext():
        yield


@pytest.mark.parametrize('kind', PARTS)
def test_the_list_of_registered_names_is_complete(kind: str) -> None:
    registry = getattr(ours, kind)
    registry.import_from_location()
    assert sorted(registry.module_dict) == PARTS[kind]


@pytest.mark.parametrize(
    ('kind', 'name'),
    [(k, name) for k, names in PARTS.items() for name in names],
)
def test_parts_build_by_prefix(scope: None, kind: str, name: str) -> None:
    import mmpose.registry

    config = dict(type=f'rcn_mmpose.{name}', **NEEDED.get(name, {}))
    if kind == 'DATASETS' and 'dataset' not in config:
        config.update(lazy_init=True, ann_file='not_read.json')
    parts = [getattr(mmpose.registry, kind).build(config)]
    if kind != 'KEYPOINT_CODECS':  # MMEngine has no registry of codecs
        parts.append(getattr(mmengine.registry, kind).build(config))
    for part in parts:
        assert type(part).__name__ == name
        assert type(part).__module__.startswith('rcn_mmpose.')


def test_names_of_mmpose_are_not_replaced(scope: None) -> None:
    from mmpose.registry import KEYPOINT_CODECS, MODELS, TRANSFORMS

    for registry, kind in (
        (MODELS, 'MODELS'),
        (TRANSFORMS, 'TRANSFORMS'),
        (KEYPOINT_CODECS, 'KEYPOINT_CODECS'),
    ):
        registry.import_from_location()
        for name in PARTS[kind]:
            assert name not in registry.module_dict


@pytest.mark.parametrize(
    'lines',
    [
        # No import: MMEngine imports the registries by the prefix.
        'from mmengine.registry import MODELS',
        # MMPose's registry imports all of MMPose, which needs the workarounds.
        """
import rcn_mmpose.registry
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
init_default_scope('mmpose')
""",
    ],
    ids=['mmengine', 'mmpose'],
)
def test_parts_build_in_a_fresh_process(
    fresh: Callable[..., subprocess.CompletedProcess],
    tmp_path: Path,
    lines: str,
) -> None:
    code = f"""
{lines}
import sys
assert 'rcn_mmpose.models' not in sys.modules
model = MODELS.build(dict(type='rcn_mmpose.RCN', num_branches=4))
print(type(model).__module__, model.num_branches)
"""
    done = fresh('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['rcn_mmpose.models.backbones.rcn', '4']
