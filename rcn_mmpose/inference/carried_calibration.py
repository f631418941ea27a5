"""The calibration that a checkpoint carries, for a config without one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .carried_config import parse_config

# where else to look for weights, and how the first ones were drawn
NOT_COMPARED = ('refiner_checkpoint', 'init_cfg', 'train_cfg')


def with_carried_calibration(model: Mapping, meta: Mapping) -> Mapping:
    """Add the calibration that goes with the weights.

    ``tools/calibrate.py`` writes it into the config that the checkpoint
    carries. A config that names a ``calibration`` of its decoder, be it None,
    keeps its own. One that describes another model, such as the joint model
    about a calibrated network, or another way to decode, gets none, and that
    is logged.

    Args:
        model (Mapping): The ``model`` of the config in use.
        meta (Mapping): The ``meta`` of the checkpoint.

    Returns:
        Mapping: The model with the calibration, or as it was given.
    """
    decoder = _decoder(model)
    if not decoder or 'calibration' in decoder:
        return model
    try:
        carried = parse_config(meta['cfg'])['model']
        found = _decoder(carried).get('calibration')
    except (KeyError, ValueError):
        return model  # it carries no config, or none that can be read
    if found is None:
        return model
    if _compared(model) == _compared(carried):
        model = deepcopy(model)
        _decoder(model)['calibration'] = found
        return model
    from mmengine.logging import print_log

    print_log(
        'The checkpoint carries a calibration of confidence and covariance, '
        'but for a model other than that of the config; it is not used. '
        'Calibrate by this config: tools/calibrate.py.',
        'current',
        level=30,
    )
    return model


def _decoder(model: Mapping) -> Any:
    """Return the config of the head's decoder, empty if there is none."""
    return (model.get('head') or {}).get('decoder') or {}


def _compared(model: Mapping) -> str:
    """Write down what has to be the same."""
    kept = {k: deepcopy(v) for k, v in model.items() if k not in NOT_COMPARED}
    _decoder(kept).pop('calibration', None)
    return json.dumps(kept, sort_keys=True, default=str)
