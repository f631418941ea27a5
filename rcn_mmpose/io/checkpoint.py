"""Safe reading of checkpoints: weights, the config they carry, its calibration.

A checkpoint may be malicious: pickle can run any program, and so can a config.
Three functions read the parts safely:

- :func:`read_checkpoint`: weights and meta data of a local file, with
  ``weights_only=True`` always. :func:`fetch_checkpoint` also takes URLs.
- :func:`parse_config` and :func:`check_parts`: the config in ``meta['cfg']``,
  without running anything.
- :func:`with_carried_calibration`: the calibration in that config, for a
  config without one.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

SCOPES = ('mmengine', 'mmpose', 'rcn_mmpose')
CURE = 'give the config file too: load_model(CONFIG, CHECKPOINT).'
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


def parse_config(text: str) -> dict:
    """Read a config that MMEngine wrote into a checkpoint.

    MMEngine would run the text as a program, so a malicious checkpoint could
    do anything. Here the text may only hold assignments of plain values and
    calls of ``dict``.

    Args:
        text (str): Python source.

    Returns:
        dict: The values by name.

    Raises:
        ValueError: If the text holds anything else.
    """
    try:
        lines = ast.parse(text).body
        return dict(_assignment(line) for line in lines)
    except (
        SyntaxError,
        ValueError,
        TypeError,  # not a text, or a list as a key
        RecursionError,  # this and the next: nested too deeply
        MemoryError,
    ) as error:
        raise ValueError(
            'the config in the checkpoint is not made of plain values '
            f'({error}); {CURE}'
        ) from error


def check_parts(config: Mapping) -> None:
    """Check that a model consists of registered parts only.

    MMEngine takes an unregistered ``type`` as the name of an object in any
    module, imports it and calls it with the rest of the dict, for example
    ``subprocess.Popen``.

    Args:
        config (Mapping): The config in a checkpoint.

    Raises:
        ValueError: If a part is not registered in MMEngine, MMPose or
            rcn_mmpose, has another scope, or names another config file. The
            message names the first such part.
    """
    found = {'default_scope': config.get('default_scope', 'mmpose')}
    known = _registered()
    for part in (found, *_dicts(config.get('model'))):
        for key, value in part.items():
            if key in ('_scope_', 'default_scope'):
                fits = value in SCOPES
            elif key == 'type':
                fits = isinstance(value, str) and value in known
            else:
                fits = not (isinstance(value, str) and value.endswith('.py'))
            if not fits:
                raise ValueError(
                    f'the config in the checkpoint has {key}={value!r:.200}, '
                    'which is no registered part of MMPose or rcn_mmpose and '
                    f'could be any program; if you trust it, {CURE}'
                )


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
        found = _decoder(carried).get('calibration')
    except (KeyError, ValueError):
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


def _dicts(value: Any) -> Iterator[Mapping]:
    """Yield all dicts in a value, at any depth."""
    if isinstance(value, Mapping):
        yield value
        value = value.values()
    if not isinstance(value, (str, bytes)) and hasattr(value, '__iter__'):
        for item in value:
            yield from _dicts(item)


def _registered() -> set[str]:
    """Return the names of all parts that a model may consist of.

    Transforms are included: a model trained with ``--device-data`` has its
    training pipeline in the data preprocessor.
    """
    from mmengine.registry import MODELS, TRANSFORMS, WEIGHT_INITIALIZERS
    from mmpose.registry import KEYPOINT_CODECS
    from mmpose.registry import MODELS as MMPOSE_MODELS
    from mmpose.registry import TRANSFORMS as MMPOSE_TRANSFORMS

    from .. import registry as ours

    names: set[str] = set()
    for registry in (
        MODELS,
        TRANSFORMS,
        WEIGHT_INITIALIZERS,
        MMPOSE_MODELS,
        MMPOSE_TRANSFORMS,
        KEYPOINT_CODECS,
        ours.MODELS,
        ours.TRANSFORMS,
        ours.KEYPOINT_CODECS,
    ):
        registry.import_from_location()
        parts = registry.module_dict
        names.update(parts, (f'{registry.scope}.{part}' for part in parts))
    return names


def _assignment(line: ast.stmt) -> tuple[str, Any]:
    """Read ``name = value``."""
    if (
        not isinstance(line, ast.Assign)
        or len(line.targets) != 1
        or not isinstance(line.targets[0], ast.Name)
    ):
        raise ValueError(f'line {line.lineno}: {type(line).__name__}')
    return line.targets[0].id, _value(line.value)


def _value(node: ast.expr) -> Any:
    """Read one value."""
    if isinstance(node, ast.Dict) and None not in node.keys:  # None: **x
        keys = [_value(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {_value(item) for item in node.elts}
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == 'dict'
        and not node.args
        and all(keyword.arg for keyword in node.keywords)
    ):
        return {item.arg: _value(item.value) for item in node.keywords}
    return ast.literal_eval(node)  # numbers and texts; a ValueError otherwise


def _decoder(model: Mapping) -> Any:
    """Return the config of the head's decoder, empty if the head has none."""
    return (model.get('head') or {}).get('decoder') or {}


def _compared(model: Mapping) -> str:
    """Return the parts of a config that must be equal, as text."""
    kept = {k: deepcopy(v) for k, v in model.items() if k not in NOT_COMPARED}
    _decoder(kept).pop('calibration', None)
    return json.dumps(kept, sort_keys=True, default=str)
