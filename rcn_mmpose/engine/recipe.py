"""Training one experiment by the recipe of another."""

from __future__ import annotations

import os.path as osp

from mmengine.config import Config

PARTS = ('train_cfg', 'optim_wrapper', 'param_scheduler')


def use_recipe(cfg: Config, path: str) -> None:
    """Take the length of the training and the optimiser from another config.

    Model, data and loss stay; so a table's rows can be compared after a short
    training with a decaying learning rate, where their own takes hundreds of
    epochs.

    Args:
        cfg (Config): Of the experiment; changed.
        path (str): Config with ``train_cfg``, ``optim_wrapper`` and
            ``param_scheduler``, such as configs/_base_/adamw_30_epochs.py.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it lacks one of the three.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'recipe {path!r} does not exist; one of this project is '
            'configs/_base_/adamw_30_epochs.py.'
        )
    recipe = Config.fromfile(path)
    for part in PARTS:
        if part not in recipe:
            raise ValueError(
                f'recipe {path!r} has no {part}; it needs {", ".join(PARTS)}.'
            )
    for part in PARTS:
        cfg[part] = recipe[part]
