"""Safe reading of checkpoints: weights, the config they carry, and its calibration."""
# DOCS The config that a checkpoint carries, read without running anything.
# DOCS
# DOCS The calibration that a checkpoint carries, for a config without one.

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

SCOPES = ('mmengine', 'mmpose', 'rcn_mmpose')
CURE = 'give the config file too: load_model(CONFIG, CHECKPOINT).'


def parse_config(text: str) -> dict:
    """Read a config as MMEngine writes it into checkpoints.

    MMEngine would run that text as a program; a checkpoint from elsewhere
    could do anything then. Here it may hold assignments of plain values and
    calls of ``dict`` alone.

    Args:
        text (str): Python source.

    Returns:
        dict: The values by name.

    Raises:
        ValueError: If there is anything else in it.
    """
    try:
        lines = ast.parse(text).body
        return dict(_assignment(line) for line in lines)
    except (
        SyntaxError,
        ValueError,
        TypeError,  # no text, or a list for a key
        RecursionError,  # these two: nested too deeply
        MemoryError,
    ) as error:
        raise ValueError(
            'the config in the checkpoint is not made of plain values '
            f'({error}); {CURE}'
        ) from error


def check_parts(config: Mapping) -> None:
    """Refuse a model of anything but registered parts.

    MMEngine takes a type that no registry has for an object in any module,
    imports that and calls it with the rest of the dict: ``subprocess.Popen``
    would do.

    Args:
        config (Mapping): That of a checkpoint.

    Raises:
        ValueError: Naming the first type that is none of MMEngine's, MMPose's
            or our parts, a scope other than theirs, or another config file
            that a part asks for.
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


def _dicts(value: Any) -> Iterator[Mapping]:
    """Go through all dicts in a value."""
    if isinstance(value, Mapping):
        yield value
        value = value.values()
    if not isinstance(value, (str, bytes)) and hasattr(value, '__iter__'):
        for item in value:
            yield from _dicts(item)


def _registered() -> set[str]:
    """Return the names of all parts that a model may be made of.

    Transforms are among them, for a model trained with ``--device-data`` has
    its training pipeline in the data preprocessor.
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
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_value(key) for key in node.keys]
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
    return ast.literal_eval(node)  # numbers, texts; ValueError for others


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
