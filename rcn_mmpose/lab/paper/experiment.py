"""An experiment: one training and its tests, with commands and fingerprints."""

from __future__ import annotations

import argparse
import hashlib
import json
import os.path as osp
from collections.abc import Iterable
from typing import Any, NamedTuple

from mmengine.config import Config, ConfigDict, DictAction

from ...engine.schedule import use_recipe
from .experiment_data import faces_of, keypoints_of, missing_path, synthetic_options
from .schedule import epoch_options
from .tables import SYNTHETIC, FaceTestSet, Tables

CONFIGS = (osp.join('configs', 'paper'), 'configs')
# Config keys that determine the trained network, besides faces and seed.
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
# Loader keys that change speed only, not the trained network.
WORKERS = (
    'num_workers',
    'persistent_workers',
    'prefetch_factor',
    'pin_memory',
    'sampler',  # all samplers of the project give the same order
)
PLACES = ('data_root', 'data_prefix')
# Hooks that only stop a failing training.
CHECKS = ('rcn_mmpose.CheckpointCheckHook', 'rcn_mmpose.FiniteLossHook')


class Settings(NamedTuple):
    """Settings of the command line, equal for all rows.

    Attributes:
        epochs (int | None): Number of epochs; None for the config's.
        data (str): ``'real'`` or ``'synthetic'``.
        synthetic_root (str): Folder of the synthetic faces.
        arguments (tuple[str, ...]): Further arguments of tools/train.py.
        options (tuple[str, ...]): Further config changes, KEY=VALUE.
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
        tables (Tables): All tables.
        name (str): Name of the config, without ``.py``.
        settings (Settings): Settings of the command line.
        seed (int): Seed of the training.

    Attributes:
        path (str): Path of the config, relative to the project.
        cfg (Config): The config with all changes.
        options (list[str]): The changes, KEY=VALUE.
        parts (list[Experiment]): Trainings that a joint model combines; empty
            for a config that is trained.
        epochs (list[int]): Epochs of the training, or of each part.
        tests (list[FaceTestSet]): The test sets.
        fingerprint (str): Hash of the config; equal for experiments that
            differ by the seed alone.
    """

    epochs: list[int]
    fingerprint: str

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
            self.tests = [FaceTestSet(SYNTHETIC, self.keypoints, {})]
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
        """The training faces of each part.

        See :func:`~rcn_mmpose.lab.paper.experiment_data.faces_of`.
        """
        if self.parts:
            return [faces for part in self.parts for faces in part.trained_on]
        return [faces_of(self.cfg.train_dataloader.dataset)]

    def missing(self) -> str:
        """Return the first missing file or folder of the training, or ``''``."""
        if self.parts:
            return next(filter(None, (p.missing() for p in self.parts)), '')
        loaders = (self.cfg.train_dataloader, self.cfg.val_dataloader)
        found = (missing_path(loader.dataset) for loader in loaders)
        return next(filter(None, found), '')

    def tested_on(self, test: FaceTestSet) -> ConfigDict:
        """Return the dataset config of a test."""
        cfg = Config(dict(test_dataloader=self.cfg.test_dataloader.to_dict()))
        cfg.merge_from_dict(test.options)
        return cfg.test_dataloader.dataset

    def test_fingerprint(self, test: FaceTestSet) -> str:
        """Return a hash of a test's dataset config, without its paths."""
        return _digest(_without_places(self.tested_on(test).to_dict()))

    def folder(self, work_dirs: str) -> str:
        """Return the folder for logs and checkpoints; each seed has its own."""
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

    def test_options(self, test: FaceTestSet) -> list[str]:
        """List the changes that define a test, KEY=VALUE."""
        added = [f'{key}={value}' for key, value in test.options.items()]
        return _of_tests(self.options) + added


def find_config(root: str, name: str) -> str:
    """Find a config by its name, first among the paper's.

    Args:
        root (str): Folder of the project.
        name (str): Name of the config, without ``.py``.

    Returns:
        str: Path of the config, relative to the project.

    Raises:
        FileNotFoundError: If no config has the name.
    """
    for folder in CONFIGS:
        path = osp.join(folder, f'{name}.py')
        if osp.isfile(osp.join(root, path)):
            return path
    raise FileNotFoundError(f'there is no config {name}.py in {" or ".join(CONFIGS)}.')


def parse_options(options: Iterable[str]) -> dict[str, Any]:
    """Parse KEY=VALUE options like tools/train.py.

    Raises:
        ValueError: If an option has no ``=``.
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
    """Return the options after --cfg-options; an empty list stays empty."""
    return ['--cfg-options', *options] if options else []


def _of_tests(options: Iterable[str]) -> list[str]:
    """Return the options that change a test."""
    return [o for o in options if o.startswith(('model.', 'test_'))]


def _digest(*content: Any) -> str:
    """Return a hash of values, 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _learned_from(cfg: Config) -> dict:
    """Return the parts of a config that determine the trained network."""
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
    """Return a dataset config without its paths."""
    return {k: v for k, v in dataset.items() if k not in PLACES}
