"""Count operations and parameters: ``python tools/analysis_tools/get_flops.py CONFIG``.

The script of MMPose with this name assumes three channels, but most networks here
take one. This tool reads the channels and the size from the config.
"""

import argparse
import sys
from collections.abc import Sequence

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config, DictAction

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.lab.complexity import count


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the numbers of a config."""
    parser = argparse.ArgumentParser(description='Count operations and parameters.')
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument(
        '--input-shape',
        nargs=2,
        type=int,
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the crop (default: the size of the codec in the config)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='change settings of the config',
    )
    args = parser.parse_args(arguments)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    found = count(cfg, args.input_shape)
    print(found['table'])
    print(f'Input shape: {found["input_shape"]}')
    print(f'FLOPs (multiply-adds): {found["flops"]:,}')
    print(f'Parameters: {found["params"]:,}')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
