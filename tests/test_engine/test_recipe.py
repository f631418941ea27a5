from pathlib import Path

import pytest
from mmengine.config import Config

from rcn_mmpose.engine.schedule import RECIPE_PARTS, use_recipe

CONFIGS = Path(__file__).parents[2] / 'configs'
ADAMW = str(CONFIGS / '_base_' / 'adamw_30_epochs.py')


def test_a_recipe_replaces_only_the_training_schedule() -> None:
    path = str(CONFIGS / 'paper' / 'aflw_sumnet_6.py')
    before, cfg = Config.fromfile(path), Config.fromfile(path)
    use_recipe(cfg, ADAMW)
    assert cfg.optim_wrapper.to_dict() == dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-4),
    )
    assert cfg.train_cfg.max_epochs == 30
    assert [part.type for part in cfg.param_scheduler] == [
        'LinearLR',
        'CosineAnnealingLR',
    ]
    changed = {key for key in before if cfg[key] != before[key]}
    assert changed == set(RECIPE_PARTS)


def test_invalid_recipes(tmp_path: Path) -> None:
    cfg = Config(dict(train_cfg=dict(max_epochs=3)))
    with pytest.raises(FileNotFoundError, match='adamw_30_epochs.py'):
        use_recipe(cfg, str(tmp_path / 'missing.py'))
    path = tmp_path / 'half.py'
    path.write_text('train_cfg = dict(max_epochs=1)\n')
    with pytest.raises(ValueError, match='has no optim_wrapper'):
        use_recipe(cfg, str(path))
    assert cfg.train_cfg.max_epochs == 3
