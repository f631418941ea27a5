"""Test a model: ``python tools/test.py CONFIG CHECKPOINT``."""

import argparse

from rcn_mmpose import compat

compat.activate()

from mmengine.dist import is_main_process
from mmengine.fileio import dump
from mmengine.runner import Runner

from rcn_mmpose.engine.config_edits import (
    TEST_EDITS,
    add_common_arguments,
    edited_config,
)
from rcn_mmpose.engine.distributed import entry_point
from rcn_mmpose.environment.malloc import keep_freed_memory
from rcn_mmpose.evaluation.face_nme import FaceNME


def parse_args() -> argparse.Namespace:
    """Read the command line, which extends that of MMPose."""
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
    parser.add_argument(
        '--each-keypoint',
        action='store_true',
        help='print a row for each keypoint, too; the files have it in any case',
    )
    return parser.parse_args()


def log_tables(runner: Runner, each_keypoint: bool) -> None:
    """Log the table of errors of each FaceNME of a test."""
    for metric in runner.test_loop.evaluator.metrics:
        if isinstance(metric, FaceNME) and metric.table is not None:
            runner.logger.info(
                f'errors in percent\n{metric.table.table(each_keypoint)}'
            )


@entry_point
def main() -> None:
    """Test."""
    args = parse_args()
    keep_freed_memory()
    cfg, lines = edited_config(args, TEST_EDITS)
    runner = Runner.from_cfg(cfg)
    for line in lines:
        runner.logger.warning(line)
    metrics = runner.test()
    if args.out and is_main_process():
        dump({k: float(v) for k, v in metrics.items()}, args.out)
    log_tables(runner, args.each_keypoint)


if __name__ == '__main__':
    main()
