"""Number of operations and parameters of the network of a config."""

from __future__ import annotations

from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS


def count(cfg: Config, size: tuple[int, int] | None = None) -> dict:
    """Count operations and parameters for one crop, up to the score maps.

    Args:
        cfg (Config): Config of an experiment.
        size (tuple, optional): Height and width of the crop in pixels.
            Defaults to the size of ``cfg.codec``.

    Returns:
        dict: ``input_shape`` (C, H, W), ``flops`` (a multiply and an add
        count as one, as in the tables of MMPose), ``params``, and ``table`` with
        both numbers by layer.

    Raises:
        ValueError: If neither ``size`` nor ``cfg.codec`` is given.
    """
    if size is None:
        if 'codec' not in cfg:
            raise ValueError(
                'the config has no `codec` with the input size; '
                'give --input-shape HEIGHT WIDTH.'
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
