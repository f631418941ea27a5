"""Train a model: ``python tools/train.py configs/rcn_aflw.py``."""

import argparse
import sys

from rcn_mmpose import compat

compat.activate()

from mmengine.runner import Runner

from rcn_mmpose.engine.config_edits import (
    TRAIN_EDITS,
    add_common_arguments,
    edited_config,
)
from rcn_mmpose.engine.distributed import entry_point
from rcn_mmpose.engine.interruption import resumable
from rcn_mmpose.engine.schedule_check import settle_schedule
from rcn_mmpose.environment.malloc import keep_freed_memory
from rcn_mmpose.lab.calibration.training_box_hook import TrainingBoxHook


def parse_args() -> argparse.Namespace:
    """Read the command line, which extends that of MMPose."""
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file of the experiment')
    add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or without a path from the latest '
        'checkpoint in the work folder',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=['auto', 'always'],
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU that has '
        'instructions for it; "always" emulates them, ten times as slow as float32',
    )
    parser.add_argument(
        '--device-data',
        nargs='?',
        const='',
        metavar='FOLDER',
        help='decode the training images once into a cache of crops, and '
        'augment whole batches on the device; the cache is in FOLDER '
        '(default: cache, beside the data)',
    )
    parser.add_argument(
        '--compile',
        nargs='?',
        const='default',
        choices=['default', 'reduce-overhead', 'max-autotune'],
        help='compile the network; "reduce-overhead" uses CUDA graphs. '
        'Slower on a CPU, see docs/studies.md',
    )
    parser.add_argument(
        '--recipe',
        metavar='CONFIG',
        help='take the length of the training, the optimiser and the learning '
        'rates from this config, such as configs/_base_/adamw_30_epochs.py',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='skip the validation'
    )
    parser.add_argument(
        '--auto-scale-lr',
        nargs='?',
        const='linear',
        choices=['linear', 'sqrt'],
        help='scale the learning rate with the total batch size (default: '
        'linear), or with its square root, the rule for AdamW',
    )
    return parser.parse_args()


@entry_point
def main() -> None:
    """Train."""
    args = parse_args()
    keep_freed_memory()
    with resumable(args, sys.argv):
        cfg, lines = edited_config(args, TRAIN_EDITS)
        runner = Runner.from_cfg(cfg)
        for line in [*lines, *settle_schedule(runner)]:
            runner.logger.warning(line)
        runner.register_hook(TrainingBoxHook())
        runner.train()


if __name__ == '__main__':
    main()
