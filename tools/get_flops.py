"""Count operations and parameters: ``python tools/get_flops.py CONFIG``.

MMPose's script of this name measures with three channels; most of ours take
one. Here the channels and the size are the config's.
"""

import argparse
from collections.abc import Sequence

from rcn_mmpose import compat

compat.activate()

from mmengine.analysis import get_model_complexity_info  # noqa: E402
from mmengine.config import Config, DictAction  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmpose.registry import MODELS  # noqa: E402


def count(cfg: Config, size: tuple[int, int] | None = None) -> dict:
    """Count what one crop costs, from the input to the score maps.

    Args:
        cfg (Config): Config of an experiment.
        size (tuple, optional): Height and width of the crop in pixels.
            Defaults to those of ``cfg.codec``.

    Returns:
        dict: ``input_shape`` (C, H, W), ``flops`` (a multiply and an add
        count as one, as in MMPose's tables), ``params`` and ``table``, the
        same by layer.

    Raises:
        ValueError: If there is no size.
    """
    if size is None:
        if 'codec' not in cfg:
            raise ValueError(
                'the config has no `codec` to read the input size from; '
                'give it by --input-shape HEIGHT WIDTH.'
            )
        size = cfg.codec.input_size[::-1]
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model).eval()
    first = next(p for p in model.backbone.parameters() if p.ndim == 4)
    shape = (first.shape[1], *size)
    model.forward = model._forward  # without the data preprocessor
    found = get_model_complexity_info(model, shape, show_arch=False)
    return dict(
        input_shape=shape,
        flops=int(found['flops']),
        params=int(found['params']),
        table=found['out_table'],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the numbers of a config."""
    parser = argparse.ArgumentParser(
        description='Count operations and parameters.'
    )
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument(
        '--input-shape',
        nargs=2,
        type=int,
        metavar=('HEIGHT', 'WIDTH'),
        help="size of the crop (default: that of the config's codec)",
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
    main()
