"""A config in a checkpoint names only known parts with plain arguments."""

from __future__ import annotations

import inspect
import json
import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import KEYPOINT_CODECS, MODELS, TRANSFORMS
from test_inference.small_model import DENOISER, build, config, write_checkpoint

from rcn_mmpose import load_model
from rcn_mmpose.io.allowed_parts import NOT_NEEDED, PARTS, TRAINING_ONLY
from rcn_mmpose.io.carried_config import carried_config, carried_dataset_meta

ROOT = Path(__file__).parents[2]
CROPS = np.random.default_rng(0).integers(0, 256, (2, 40, 40), np.uint8)


def write(path: Path, **model: object) -> Path:
    """Write a checkpoint whose config has other parts than its network."""
    return write_checkpoint(path, config(**model), build())


@pytest.fixture(params=['yml', 'json', 'py'])
def program(request: pytest.FixtureRequest, tmp_path: Path, trace: Path) -> str:
    """A config file that creates the trace when MMEngine reads it."""
    path = tmp_path / f'evil.{request.param}'
    command = f'touch {trace}'
    (tmp_path / 'base.py').write_text(f'done = __import__("os").system({command!r})\n')
    path.write_text(
        {
            'yml': f'dataset_info: !!python/object/apply:os.system [{command!r}]\n',
            'json': json.dumps(dict(_base_=['base.py'], dataset_info={})),
            'py': f'x = __import__("os").system({command!r})\ndataset_info = {{}}\n',
        }[request.param]
    )
    Config.fromfile(str(path))
    assert trace.exists()  # the attack works, so the test can fail
    trace.unlink()
    return str(path)


@pytest.mark.usefixtures('trace', 'no_network')
def test_metainfo_is_not_read(program: str, tmp_path: Path) -> None:
    expected = load_model(write(tmp_path / 'good.pth')).predict_crops(CROPS)
    harm = dict(from_file=program)
    head = dict(config().model.to_dict()['head'])
    loss = dict(type='rcn_mmpose.SpatialCrossEntropyLoss', metainfo=harm)
    for name, model in (
        ('model', dict(metainfo=harm)),
        ('head', dict(head=dict(head, loss=loss, metainfo=harm))),
        ('init_cfg', dict(init_cfg=dict(type='Pretrained', checkpoint=program))),
    ):
        path = write(tmp_path / f'{name}.pth', **model)
        got = load_model(path).predict_crops(CROPS)
        np.testing.assert_array_equal(got[0], expected[0])


@pytest.mark.usefixtures('trace', 'no_network')
@pytest.mark.parametrize('key', ['teacher_cfg', 'student_cfg'])
def test_distillers_are_refused(key: str, program: str, tmp_path: Path) -> None:
    distiller = dict(type='DWPoseDistiller', teacher_cfg='', student_cfg='')
    path = write(tmp_path / 'm.pth', backbone=dict(distiller, **{key: program}))
    with pytest.raises(ValueError, match="backbone.type='DWPoseDistiller'"):
        load_model(path)


@pytest.mark.usefixtures('no_network')
def test_no_checkpoint_is_fetched(tmp_path: Path) -> None:
    url = 'http://192.0.2.1/refiner.pth'
    model = dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER, rounds=1)
    cfg = config(**model, refiner_checkpoint=url)
    path = write_checkpoint(tmp_path / 'joint.pth', cfg, build(**model))
    assert load_model(path).predict_crops(CROPS)[0].shape == (2, 5, 2)


@pytest.mark.parametrize(
    ('model', 'place'),
    [
        (dict(type='subprocess.Popen'), 'model.type'),
        (dict(type='mmengine.dump'), 'model.type'),
        (dict(type=['TopdownPoseEstimator']), 'model='),
        (dict(backbone=dict(type='os.system', command='id')), 'backbone.type'),
        (dict(backbone=dict(type='HRNet', extra={})), 'backbone.type'),
        (dict(backbone=dict(type='pip.RCN')), 'backbone.type'),
        (dict(backbone=dict(type='rcn_mmpose.RCN', weights='a.pth')), 'RCN.weights'),
        (dict(backbone=dict(type='rcn_mmpose.RCN', arch='a.py')), 'RCN.arch'),
        (dict(backbone=dict(type='rcn_mmpose.RCN', num_branches=10**9)), 'branches'),
        (dict(backbone=dict(type='rcn_mmpose.RCN', num_branches=True)), 'branches'),
        (dict(backbone=dict(type='rcn_mmpose.RCN', num_branches='4')), 'branches'),
        (dict(backbone='a.py'), 'backbone='),
        (dict(neck=dict(type='rcn_mmpose.RCN')), 'neck.type'),
        (dict(test_cfg='a.py'), 'test_cfg'),
        (dict(test_cfg=dict(output='a.py')), 'test_cfg'),
        (dict(data_cfg='a.json'), 'data_cfg'),
        (dict(head=dict(type='rcn_mmpose.SpatialSoftmaxHead', decoder=[])), 'decoder'),
    ],
)
def test_other_parts_are_refused(model: dict, place: str) -> None:
    text = config().to_dict()['model']
    with pytest.raises(ValueError, match='may name; if you trust it') as error:
        carried_config(dict(model={**text, **model}))
    assert place in str(error.value)


@pytest.mark.parametrize('value', [None, 3, 'a.py', [], ['model'], {'type': None}])
def test_a_model_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='if you trust it'):
        carried_config(dict(model=value))


@pytest.mark.filterwarnings('error')
def test_loading_warns_of_nothing(tmp_path: Path) -> None:
    load_model(write(tmp_path / 'good.pth'))


def test_training_pipelines_are_dropped() -> None:
    """A training with --device-data has its pipeline in the preprocessor."""
    harm = [dict(type='os.system', command='id')]
    preprocessor = dict(type='rcn_mmpose.CropCachePreprocessor', pipeline=harm)
    found = carried_config(config(data_preprocessor=preprocessor).to_dict())
    assert found['model']['data_preprocessor'] == dict(
        type='rcn_mmpose.LCNDataPreprocessor'
    )
    steps = config().to_dict()
    steps['test_dataloader']['dataset']['pipeline'] += harm
    kept = carried_config(steps)['test_dataloader']['dataset']['pipeline']
    assert [step['type'] for step in kept] == [
        'rcn_mmpose.FaceBox',
        'rcn_mmpose.CropFace',
    ]


@pytest.mark.parametrize(
    'model',
    [
        dict(backbone=dict(type='rcn_mmpose.RCN', num_branches=4, in_channels=4096)),
        dict(
            backbone=dict(
                type='rcn_mmpose.LargeKernelNet',
                in_channels=4096,
                channels=4096,
                num_convs=64,
                kernel_size=255,
            )
        ),
    ],
)
def test_a_huge_model_takes_no_memory(model: dict, tmp_path: Path) -> None:
    """The second model would have 17 TB of weights."""
    path = write(tmp_path / 'm.pth', **model)
    load_model(write(tmp_path / 'good.pth'))  # imports take their memory first
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(ValueError, match='belongs to another architecture'):
        load_model(path)
    assert time.monotonic() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def configs() -> list[Path]:
    """Configs whose model the predictor takes."""
    found = []
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        if '_base_' in path.parts:
            continue
        text = path.read_text()
        if 'backbones' not in path.parts and 'tcdcn' not in path.name:
            if 'denoiser' not in path.name and 'num_joints' not in text:
                found.append(path)
    return found


@pytest.mark.parametrize('path', configs(), ids=lambda path: path.stem)
def test_the_configs_of_the_project_are_allowed(path: Path) -> None:
    init_default_scope('mmpose')
    config = Config.fromfile(path)
    if 'model' not in config:
        pytest.skip('this config has no model')
    with torch.device('meta'):
        expected = MODELS.build({**config.model, 'train_cfg': None})
        found = MODELS.build(carried_config(config.to_dict())['model'])
    assert repr(found) == repr(expected)
    assert repr(vars(found.head.decoder)) == repr(vars(expected.head.decoder))


def test_the_list_names_every_argument() -> None:
    """An argument that a part gains must be added to the list, or dropped."""
    init_default_scope('mmpose')
    for role, types in PARTS.items():
        for name, known in types.items():
            registry = {'decoder': KEYPOINT_CODECS, 'step': TRANSFORMS}.get(
                role, MODELS
            )
            part = registry.get(name)
            assert part is not None, name
            parameters = inspect.signature(part.__init__).parameters.values()
            named = {
                p.name
                for p in parameters
                if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != 'self'
            }
            left_out = {'batch_augments'}  # of training
            assert named - NOT_NEEDED - left_out <= set(known), name
    assert set(TRAINING_ONLY) == {'rcn_mmpose.CropCachePreprocessor'}


def test_names_of_keypoints_are_short_texts() -> None:
    names = {0: 'left', 1: 'x' * 10**6}
    found = carried_dataset_meta(dict(dataset_meta=dict(keypoint_id2name=names)), 2)
    assert found == dict(keypoint_id2name={0: 'left', 1: 'x' * 200})
    for odd in (None, 3, 'a', [], dict(keypoint_id2name=[1]), {'flip_indices': [9, 1]}):
        assert carried_dataset_meta(dict(dataset_meta=odd), 2) == {}
    found = carried_dataset_meta(dict(dataset_meta=dict(flip_indices=(1, 0))), 2)
    assert found == dict(flip_indices=[1, 0])
