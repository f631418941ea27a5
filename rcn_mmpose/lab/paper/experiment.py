"""One training and its tests: config, changes, commands, identity."""

from __future__ import annotations

import argparse
import hashlib
import json
import os.path as osp
from collections.abc import Iterable
from typing import Any, NamedTuple

from mmengine.config import Config, DictAction

from ...engine.config_edits import use_recipe
from .face_lists import (
    epoch_options,
    faces_of,
    keypoints_of,
    missing_of,
    synthetic_options,
)
from .tables import SYNTHETIC, Tables, TestSet

CONFIGS = (osp.join('configs', 'paper'), 'configs')
# What a trained network depends on, besides its faces and the seed.
LEARNED_FROM = (
    'model',
    'train_dataloader',
    'val_dataloader',
    'val_evaluator',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'custom_hooks',
    'auto_scale_lr',
    'load_from',
)
# What only matters to where and how fast it is done.
WORKERS = (
    'num_workers',
    'persistent_workers',
    'prefetch_factor',
    'pin_memory',
    'sampler',  # how random numbers come about, the order is the same
)
PLACES = ('data_root', 'data_prefix')
# Hooks that stop a training that goes wrong, and change nothing else.
CHECKS = ('rcn_mmpose.CheckpointCheckHook', 'rcn_mmpose.FiniteLossHook')


class Settings(NamedTuple):
    """What is asked for, for all rows alike.

    Attributes:
        epochs (int | None): None for those of each config.
        data (str): ``'real'`` or ``'synthetic'``.
        synthetic_root (str): Folder of the synthetic faces.
        arguments (tuple[str, ...]): More for tools/train.py.
        options (tuple[str, ...]): More changes of the config, KEY=VALUE.
    """

    epochs: int | None = None
    data: str = 'real'
    synthetic_root: str = 'data/synthetic/'
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Experiment:
    """A config with the changes of a run.

    Args:
        root (str): Folder of the project.
        tables (Tables): Whose configs these are.
        name (str): Of the config, without ``.py``.
        settings (Settings): What is asked for.
        seed (int): Of the random numbers.

    Attributes:
        path (str): The config, relative to the project.
        cfg (Config): With all changes.
        options (list[str]): The changes, KEY=VALUE.
        parts (list[Experiment]): What a config that is not trained is made
            of; else empty.
        epochs (list[int]): Of the training, or of each part's.
        tests (list[TestSet]): On which it is tested.
        fingerprint (str): Equal for experiments that differ by the seed
            alone.
    """

    def __init__(
        self,
        root: str,
        tables: Tables,
        name: str,
        settings: Settings,
        seed: int = 0,
    ) -> None:
        self.name = name
        self.path = find_config(root, name)
        self.settings = settings
        self.seed = seed
        cfg = Config.fromfile(osp.join(root, self.path))
        self.keypoints = keypoints_of(cfg)
        self.parts = [
            Experiment(root, tables, part, settings, seed)
            for part in tables.joint.get(name, ())
        ]
        self.tests = tables.tests_of(self.keypoints)
        options: dict[str, Any] = {}
        if settings.data == SYNTHETIC:
            self.tests = [TestSet(SYNTHETIC, self.keypoints, {})]
            options.update(synthetic_options(cfg, settings.synthetic_root))
        if self.parts:
            self.arguments: list[str] = []
            self.epochs = [n for part in self.parts for n in part.epochs]
        else:
            self.arguments = list(settings.arguments)
            if '--recipe' in self.arguments:
                recipe = self.arguments[self.arguments.index('--recipe') + 1]
                use_recipe(cfg, osp.join(root, recipe))
            if settings.epochs is not None:
                options.update(epoch_options(cfg, settings.epochs))
        self.options = [f'{key}={value}' for key, value in options.items()]
        self.options += settings.options
        if self.parts:
            self.options = _of_tests(self.options)
        cfg.merge_from_dict(parse_options(self.options))
        if not self.parts:
            self.epochs = [cfg.train_cfg.max_epochs]
        self.fingerprint = _digest(
            _learned_from(cfg),
            self.arguments,
            [part.fingerprint for part in self.parts],
        )
        if seed != cfg.randomness.seed and not self.parts:
            self.options.append(f'randomness.seed={seed}')
            cfg.randomness.seed = seed
        self.cfg = cfg

    @property
    def trained_on(self) -> list[dict]:
        """The faces it is trained on, see :func:`~.faces_of`; by part."""
        if self.parts:
            return [faces for part in self.parts for faces in part.trained_on]
        return [faces_of(self.cfg.train_dataloader.dataset)]

    def missing(self) -> str:
        """Name a file or folder that training needs and that is missing."""
        if self.parts:
            return next(filter(None, (p.missing() for p in self.parts)), '')
        loaders = (self.cfg.train_dataloader, self.cfg.val_dataloader)
        found = (missing_of(loader.dataset) for loader in loaders)
        return next(filter(None, found), '')

    def tested_on(self, test: TestSet) -> dict:
        """Return the dataset of a test, a config."""
        cfg = Config(dict(test_dataloader=self.cfg.test_dataloader.to_dict()))
        cfg.merge_from_dict(test.options)
        return cfg.test_dataloader.dataset

    def test_fingerprint(self, test: TestSet) -> str:
        """Identify what a test does."""
        return _digest(_without_places(self.tested_on(test).to_dict()))

    def folder(self, work_dirs: str) -> str:
        """Name the folder for logs and checkpoints; one a seed."""
        key = _digest(self.fingerprint, self.trained_on)
        epochs = '_'.join(map(str, self.epochs))
        return osp.join(
            work_dirs,
            self.name,
            f'{epochs}_epochs_{key[:8]}',
            f'seed_{self.seed}',
        )

    def train_arguments(self) -> list[str]:
        """List the arguments of tools/train.py that define the training."""
        return [*self.arguments, *cfg_options(self.options)]

    def test_options(self, test: TestSet) -> list[str]:
        """List the changes that define a test, KEY=VALUE."""
        added = [f'{key}={value}' for key, value in test.options.items()]
        return _of_tests(self.options) + added


def find_config(root: str, name: str) -> str:
    """Find a config of the paper, or another of ours.

    Args:
        root (str): Folder of the project.
        name (str): Of the config, without ``.py``.

    Returns:
        str: Its path in the project.

    Raises:
        FileNotFoundError: If there is none.
    """
    for folder in CONFIGS:
        path = osp.join(folder, f'{name}.py')
        if osp.isfile(osp.join(root, path)):
            return path
    raise FileNotFoundError(f'there is no config {name}.py in {" or ".join(CONFIGS)}.')


def parse_options(options: Iterable[str]) -> dict[str, Any]:
    """Read KEY=VALUE as tools/train.py does.

    Raises:
        ValueError: If there is no ``=``.
    """
    options = list(options)
    for option in options:
        if '=' not in option:
            raise ValueError(
                f'option {option!r}: give KEY=VALUE, such as '
                'train_dataloader.batch_size=32.'
            )
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction)
    return parser.parse_args(['--options', *options]).options


def cfg_options(options: list[str]) -> list[str]:
    """Put KEY=VALUE behind --cfg-options, if there are any."""
    return ['--cfg-options', *options] if options else []


def _of_tests(options: Iterable[str]) -> list[str]:
    """Keep the options that matter to a test."""
    return [o for o in options if o.startswith(('model.', 'test_'))]


def _digest(*content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _learned_from(cfg: Config) -> dict:
    """Take from a config what decides what is learned."""
    whole = cfg.to_dict()
    kept = {key: whole.get(key) for key in LEARNED_FROM}
    hook = whole.get('default_hooks', {}).get('checkpoint', {})
    kept['save_best'] = hook.get('save_best')
    kept['model'].pop('refiner_checkpoint', None)
    kept['custom_hooks'] = [
        hook for hook in kept['custom_hooks'] or () if hook['type'] not in CHECKS
    ]
    for part, ignored in (
        ('train_dataloader', WORKERS),
        ('val_dataloader', (*WORKERS, 'batch_size')),
    ):
        if kept[part]:
            kept[part] = {
                key: value for key, value in kept[part].items() if key not in ignored
            }
            kept[part]['dataset'] = _without_places(kept[part]['dataset'])
    return kept


def _without_places(dataset: dict) -> dict:
    return {k: v for k, v in dataset.items() if k not in PLACES}
