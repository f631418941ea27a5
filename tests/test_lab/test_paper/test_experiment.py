from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rcn_mmpose.lab.paper.experiment import Experiment, Settings, parse_options
from rcn_mmpose.lab.paper.tables import Tables, load_tables

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def tables() -> Tables:
    return load_tables(str(ROOT / 'configs' / 'paper' / 'tables.yml'))


@pytest.fixture
def here(converted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory holds the tiny dataset."""
    monkeypatch.chdir(converted.parent)
    return converted.parent


def make(
    tables: Tables,
    name: str = 'aflw_rcn_6',
    settings: Settings | None = None,
    seed: int = 0,
) -> Experiment:
    return Experiment(str(ROOT), tables, name, settings or Settings(), seed)


def test_command_holds_only_the_changes(tables: Tables) -> None:
    assert make(tables).train_arguments() == []
    asked = Settings(30, arguments=('--amp',), options=('model.x.y=1',))
    assert make(tables, settings=asked, seed=2).train_arguments() == [
        '--amp',
        '--cfg-options',
        'train_cfg.max_epochs=30',
        'model.x.y=1',
        'randomness.seed=2',
    ]
    experiment = make(tables, settings=asked, seed=2)
    assert experiment.epochs == [30]
    assert experiment.cfg.train_cfg.max_epochs == 30
    assert experiment.cfg.randomness.seed == 2
    aflw, afw = experiment.tests
    assert experiment.test_options(aflw) == ['model.x.y=1']
    assert experiment.test_options(afw)[1:] == [
        'test_dataloader.dataset.type=rcn_mmpose.AFWDataset',
        'test_dataloader.dataset.ann_file=annotations/afw_test.json',
        'test_dataloader.dataset.data_prefix.img=afw/',
    ]
    assert experiment.tested_on(afw).type == 'rcn_mmpose.AFWDataset'
    assert experiment.tested_on(aflw).type == 'rcn_mmpose.AFLW5Dataset'


def test_fingerprint(tables: Tables) -> None:
    first = make(tables).fingerprint
    assert make(tables, seed=1).fingerprint == first
    assert make(tables, settings=Settings(200)).fingerprint == first
    same = (
        'train_dataloader.num_workers=0',
        'val_dataloader.batch_size=7',
        'train_dataloader.dataset.data_root=/elsewhere/',
        'log_level=DEBUG',
    )
    assert make(tables, settings=Settings(options=same)).fingerprint == first
    others = [
        Settings(30),
        Settings(arguments=('--amp',)),
        Settings(data='synthetic'),
        Settings(options=('model.backbone.num_branches=5',)),
        Settings(options=('train_dataloader.batch_size=32',)),
        Settings(options=('optim_wrapper.optimizer.lr=0.5',)),
        Settings(options=('train_dataloader.dataset.pipeline.2.shift=0',)),
        Settings(options=('default_hooks.checkpoint.save_best=auto',)),
    ]
    found = {make(tables, settings=s).fingerprint for s in others}
    assert len(found) == len(others) and first not in found


def test_joint_model_has_two_trainings(tables: Tables, here: Path) -> None:
    asked = Settings(3, arguments=('--amp',), options=('log_level=DEBUG',))
    joint = make(tables, '300w_joint_5', asked, 1)
    assert [part.name for part in joint.parts] == [
        '300w_rcn_5',
        '300w_denoiser',
    ]
    assert joint.epochs == [3, 3]
    assert joint.train_arguments() == []
    assert [part.seed for part in joint.parts] == [1, 1]
    assert joint.missing() == 'data/annotations/300w_train.json'
    rcn, denoiser = (part.cfg.model for part in joint.parts)
    model = joint.cfg.model
    assert model.backbone == rcn.backbone
    assert model.refiner.backbone == denoiser.backbone
    for ours, its in ((model.head, rcn.head), (model.refiner, denoiser)):
        its.get('head', its).pop('loss')
        ours.get('head', ours).pop('loss')
        assert ours == its
    # The fingerprint changes with the parts.
    other = make(tables, '300w_joint_5', Settings(4), 1)
    assert other.fingerprint != joint.fingerprint


def test_faces_and_folders(tables: Tables, here: Path) -> None:
    experiment = make(tables)
    assert experiment.missing() == ''
    assert experiment.trained_on == [dict(list='mtfl_train', faces=12)]
    folder = Path(experiment.folder('work'))
    assert folder.parts[:2] == ('work', 'aflw_rcn_6')
    assert folder.name == 'seed_0' and '200_epochs' in folder.parts[2]
    # Other faces give another folder: a training cannot resume with them.
    path = here / 'data' / 'annotations' / 'mtfl_train.json'
    path.write_text(path.read_text().replace('mtfl_train', 'more faces'))
    assert make(tables).folder('work') != str(folder)
    path.write_text(path.read_text()[:99])
    with pytest.raises(ValueError, match='mtfl_train.json.* is not a complete COCO'):
        make(tables).folder('work')
    path.unlink()
    assert make(tables).missing() == 'data/annotations/mtfl_train.json'


@pytest.mark.parametrize('config', ['aflw_rcn_6', '300w_denoiser'])
def test_synthetic_faces(config: str, tables: Tables, tmp_path: Path) -> None:
    settings = Settings(data='synthetic', synthetic_root=f'{tmp_path}/')
    experiment = make(tables, config, settings)
    points = 68 if config.startswith('300w') else 5
    assert [test.name for test in experiment.tests] == ['synthetic']
    init_default_scope('mmpose')
    for part in ('train', 'val', 'test'):
        dataset = experiment.cfg[f'{part}_dataloader'].dataset
        assert dataset.ann_file == f'annotations/{part}_{points}.json'
        with pytest.raises(FileNotFoundError, match=f'{part}_{points}.json'):
            DATASETS.build(dataset)
    assert experiment.missing() == f'{tmp_path}/annotations/train_{points}.json'
    if points == 68:  # synthetic faces define no outer corners
        assert experiment.cfg.val_evaluator.normalisers == ['eye_centres']
        assert dataset.data_prefix.img == ''


def test_options_of_the_command_line() -> None:
    assert parse_options(['a.b=1', 'c=[2,x]', 'd=']) == {
        'a.b': 1,
        'c': [2, 'x'],
        'd': '',
    }
    assert parse_options([]) == {}
    with pytest.raises(ValueError, match="option 'a.b': give KEY=VALUE"):
        parse_options(['a.b'])


def test_unknown_config(tables: Tables) -> None:
    with pytest.raises(FileNotFoundError, match='no config nothing.py in'):
        make(tables, 'nothing')


def test_a_recipe_replaces_the_schedule_before_its_length(
    tables: Tables,
) -> None:
    recipe = 'configs/_base_/adamw_30_epochs.py'
    asked = Settings(15, arguments=('--recipe', recipe))
    experiment = make(tables, settings=asked)
    assert experiment.cfg.optim_wrapper.optimizer.type == 'AdamW'
    assert experiment.train_arguments() == [
        *('--recipe', recipe, '--cfg-options'),
        'train_cfg.max_epochs=15',
        *('param_scheduler.0.end=1', 'param_scheduler.1.end=15'),
        'param_scheduler.1.begin=1',
    ]
    paper = make(tables, settings=Settings(15))
    assert experiment.fingerprint != paper.fingerprint
