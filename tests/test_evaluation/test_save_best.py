"""The best checkpoint by any value of the metric."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from tested_face import META, TRUTH, build, metainfo, sample

from rcn_mmpose.registry import DATASETS

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(
    path for path in ROOT.glob('configs/**/*.py') if path.parent.name != '_base_'
)
# percent of the eyes' 40 pixels after each epoch; an AUC rises where these
# fall
ERRORS = (20, 4, 6)


class Model(BaseModel):
    """A model with the errors of ERRORS."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs = 0

    def forward(self, inputs: list, data_samples: list, mode: str) -> dict | list:
        if mode == 'loss':
            return dict(loss=self.weight.sum())
        move = 0.4 * ERRORS[self.epochs]
        self.epochs += 1
        cells = [[20, 30 + move], [40, 30 + move], [31, 45 + move]]
        pred = [[x, y + move] for x, y in TRUTH]
        return [sample(TRUTH, pred, cells)]


def train(work: Path, **checkpoint: object) -> set[str]:
    """Train for three epochs; return the names of the best checkpoints."""
    base = Config.fromfile(str(ROOT / 'configs/_base_/runtime.py'))
    hook = dict(base.default_hooks.checkpoint, **checkpoint)
    data = torch.utils.data.TensorDataset(torch.zeros(1))
    data.metainfo = META
    loader = dict(
        dataset=data,
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=lambda batch: dict(inputs=[0], data_samples=[0]),
    )
    Runner(
        model=Model(),
        work_dir=str(work),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=dict(type='rcn_mmpose.FaceNME', keypoint_groups=dict(two=[0, 2])),
        default_hooks=dict(checkpoint=hook),
        default_scope='mmpose',
        experiment_name=work.name,
    ).train()
    return {path.name for path in work.glob('best_*.pth')}


@pytest.mark.parametrize(
    'value',
    [
        'NME_pixels_eye_points',
        'NME_cells_box',
        'AUC8_pixels_eye_points',
        'AUC10_cells_box_two',
        'FR8_pixels_eye_points_two',
    ],
)
def test_by_a_value(tmp_path: Path, value: str) -> None:
    """The name sets the rule, less or greater."""
    found = train(tmp_path / value, save_best=value)
    assert found == {f'best_{value}_epoch_2.pth'}


def test_by_the_main_value(tmp_path: Path) -> None:
    found = train(tmp_path / 'main')
    assert found == {'best_NME_pixels_eye_points_epoch_2.pth'}


def test_by_two_values(tmp_path: Path) -> None:
    found = train(
        tmp_path / 'two',
        save_best=['NME_pixels_box', 'AUC8_pixels_box'],
        rule=['less', 'greater'],
    )
    assert found == {
        'best_NME_pixels_box_epoch_2.pth',
        'best_AUC8_pixels_box_epoch_2.pth',
    }


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings('ignore:The metainfo config file')
def test_values_of_each_config(path: Path) -> None:
    """The metric fits the dataset, and measures what save_best names."""
    cfg = Config.fromfile(str(path))
    best = cfg.default_hooks.checkpoint.save_best
    if cfg.train_dataloader and not cfg.val_evaluator:
        assert best is None
    for part in ('val', 'test'):
        evaluators = cfg[f'{part}_evaluator'] or []
        if not isinstance(evaluators, list):
            evaluators = [evaluators]
        # FaceNME comes before the metrics of MMPose, so that 'auto' finds it
        assert not evaluators or evaluators[0].type == 'rcn_mmpose.FaceNME'
        for evaluator in evaluators[:1]:
            options = dict(evaluator)
            del options['type']
            name = cfg[f'{part}_dataloader'].dataset.type
            if name == 'rcn_mmpose.OwnFaceDataset':  # the json has more metainfo
                meta = metainfo()
            else:
                meta = DATASETS.build(
                    dict(type=name, ann_file='none.json', lazy_init=True)
                ).metainfo
            names = [m.name for m in build(meta, **options).plan.measures]
            assert names[0].startswith('NME_pixels_')
            if part == 'val':
                assert best == 'auto' or best in names
                assert len(names) <= 30  # a few lines of a log
            else:
                assert options['detailed'] and options['out_file']
