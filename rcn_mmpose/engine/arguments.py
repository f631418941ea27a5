"""What tools/train.py and tools/test.py have in common."""

import argparse
import os
import os.path as osp

from mmengine.config import Config, DictAction

from .config_check import check_config
from .config_edits import use_recipe


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that both tools share with MMPose's."""
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: ./work_dirs/<config name>)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. '
        'train_dataloader.batch_size=32 train_cfg.max_epochs=5',
    )
    parser.add_argument('--show-dir', help='draw predictions into this folder')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window'
    )
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th face')
    parser.add_argument(
        '--wait-time', type=float, default=1, help='seconds a window stays'
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who starts the processes of a distributed run',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the common arguments.

    Raises:
        FileNotFoundError: If there is no such config or recipe.
        ValueError: If a key is misspelt, or the recipe is none.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not osp.isfile(args.config):
        raise FileNotFoundError(
            f'config {args.config!r} does not exist; those of this project '
            'lie in configs/.'
        )
    cfg = Config.fromfile(args.config)
    if recipe := getattr(args, 'recipe', None):
        use_recipe(cfg, recipe)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    check_config(cfg)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)
    if args.show or args.show_dir:
        hook = cfg.default_hooks.visualization
        hook.update(
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            interval=args.interval,
            out_dir=args.show_dir,
        )
    return cfg
