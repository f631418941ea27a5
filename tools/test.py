"""Test a model: ``python tools/test.py CONFIG CHECKPOINT``."""

import argparse
import os.path as osp

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.fileio import dump
from mmengine.runner import Runner

from rcn_mmpose.engine.arguments import add_common_arguments, load_config
from rcn_mmpose.engine.distributed import entry_point, init_distributed
from rcn_mmpose.environment.malloc import keep_freed_memory
from rcn_mmpose.io.checkpoint import fetch_checkpoint, with_carried_calibration


def parse_args() -> argparse.Namespace:
    """Read the command line; MMPose's arguments."""
    parser = argparse.ArgumentParser(description='Test a model.')
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument('checkpoint', help='weights to test')
    add_common_arguments(parser)
    parser.add_argument('--out', help='write the metrics to this json file')
    parser.add_argument(
        '--dump', help='write all predictions to this pickle file (.pkl)'
    )
    parser.add_argument(
        '--badcase',
        action='store_true',
        help='draw the faces that BadCaseAnalysisHook finds bad',
    )
    return parser.parse_args()


def apply_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Put the arguments of testing alone into the config.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the name of an output file has the wrong ending, or
            several processes would overwrite each other's bad cases.
    """
    if not osp.isfile(args.checkpoint) and '://' not in args.checkpoint:
        raise FileNotFoundError(
            f'checkpoint {args.checkpoint!r} does not exist; training writes '
            'them to work_dirs/<config name>/.'
        )
    cfg.load_from = args.checkpoint
    _, meta = fetch_checkpoint(args.checkpoint)
    cfg.model = with_carried_calibration(cfg.model, meta)
    for option, path, endings in (
        ('--out', args.out, ('.json', '.yml', '.yaml')),
        ('--dump', args.dump, ('.pkl', '.pickle')),
    ):
        if path and not path.endswith(endings):
            raise ValueError(f'{option} {path!r} must end in one of {endings}.')
    if args.dump:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        cfg.test_evaluator = [
            *evaluators,
            dict(type='DumpResults', out_file_path=args.dump),
        ]
    if args.badcase and args.launcher != 'none':
        raise ValueError(
            '--badcase keeps the list of one process alone; test in one, '
            'with tools/test.py.'
        )
    if args.badcase:
        hook = cfg.default_hooks.badcase
        hook.update(enable=True, show=args.show, interval=args.interval)
        hook.setdefault('metric', cfg.model.head.loss)


@entry_point
def main() -> None:
    """Test."""
    args = parse_args()
    keep_freed_memory()
    cfg = load_config(args)
    apply_arguments(cfg, args)
    init_distributed(cfg)
    metrics = Runner.from_cfg(cfg).test()
    if args.out and is_main_process():
        dump({k: float(v) for k, v in metrics.items()}, args.out)


if __name__ == '__main__':
    main()
