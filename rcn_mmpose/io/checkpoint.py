"""Safe reading of checkpoints: weights, meta data, calibration.

A checkpoint may be malicious: pickle can run any program.

- :func:`read_checkpoint`: weights and meta data of a local file, with
  ``weights_only=True`` always. :func:`fetch_checkpoint` also takes URLs.
- :func:`with_carried_calibration`: the calibration in the config that the checkpoint
  carries, for a config without one. :mod:`rcn_mmpose.io.carried_config` reads that
  config.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .allowed_parts import CALIBRATION
from .carried_config import parse_config

# Parts of a model's config that do not change its keypoints: where weights are
# loaded from, and how they were initialised and trained.
NOT_COMPARED = ('refiner_checkpoint', 'init_cfg', 'train_cfg')


def read_checkpoint(checkpoint: str | os.PathLike) -> tuple[dict, dict]:
    """Read the weights and the meta data of a checkpoint; unpickle nothing else.

    Args:
        checkpoint (str | os.PathLike): The file. For URLs see
            :func:`fetch_checkpoint`.

    Returns:
        tuple[dict, dict]: The ``state_dict`` (the whole content of a file
        without one) and ``meta``, empty if the file has none.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is not a complete checkpoint, or holds more
            than weights and plain values.
    """
    import torch

    checkpoint = os.fspath(checkpoint)
    try:
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
        meta = content.get('meta', {})
        weights = content.get('state_dict', content)
        if not isinstance(meta, dict) or not all(
            isinstance(weight, torch.Tensor) for weight in weights.values()
        ):
            raise TypeError('its weights are no tensors')
    except OSError:
        raise
    except Exception as error:  # a broken file can raise anything in PyTorch
        reason = str(error).strip() or type(error).__name__
        raise ValueError(
            f'checkpoint {checkpoint!r} cannot be loaded: it is cut short, no '
            'checkpoint, or holds more than weights and plain values, which '
            f'could run a program ({reason.splitlines()[0]:.200}).'
        ) from error
    return weights, meta


def fetch_checkpoint(source: str) -> tuple[dict, dict]:
    """Read a checkpoint by path or URL, as MMEngine's runner does.

    Like the runner, and unlike :func:`read_checkpoint`, it obeys the
    environment variable ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD``: a tool and the
    runner it starts accept the same files. Without the variable only weights
    and plain values are unpickled (:mod:`rcn_mmpose.compat`).

    Args:
        source (str): A path, or a URL that MMEngine can read.

    Returns:
        tuple[dict, dict]: As of :func:`read_checkpoint`.
    """
    from mmengine.runner import CheckpointLoader

    content = CheckpointLoader.load_checkpoint(source, 'cpu')
    return content.get('state_dict', content), content.get('meta', {})


def with_carried_calibration(model: Mapping, meta: Mapping) -> Mapping:
    """Add the calibration of a checkpoint to the config of its model.

    ``tools/calibrate.py`` writes the calibration into the config in the
    checkpoint. A config whose decoder has a ``calibration``, even None, keeps
    its own. A config of another model (such as the joint model around a
    calibrated network) or of another decoding gets none, and a warning is
    logged.

    Args:
        model (Mapping): The ``model`` of the config in use.
        meta (Mapping): The ``meta`` of the checkpoint.

    Returns:
        Mapping: A copy with the calibration, or the model unchanged.
    """
    decoder = _decoder(model)
    if not decoder or 'calibration' in decoder:
        return model
    try:
        carried = parse_config(meta['cfg'])['model']
        found = CALIBRATION(_decoder(carried).get('calibration'))
    except (AttributeError, KeyError, TypeError, ValueError):
        return model  # there is no config, or it cannot be read
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
    """Return the config of the head's decoder, empty if the head has none."""
    return (model.get('head') or {}).get('decoder') or {}


def _compared(model: Mapping) -> str:
    """Return the parts of a config that must be equal, as text."""
    kept = {k: deepcopy(v) for k, v in model.items() if k not in NOT_COMPARED}
    _decoder(kept).pop('calibration', None)
    return json.dumps(kept, sort_keys=True, default=str)
