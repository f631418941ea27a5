"""Read the config that a checkpoint carries: data, never a program.

MMEngine runs such a config as Python and calls whatever object it names. Here a
config goes through two steps before anything is built:

1. :func:`parse_config` reads assignments of plain values and nothing else.
2. :func:`carried_config` copies what prediction needs, by the list of
   :mod:`rcn_mmpose.io.allowed_parts`. An unknown type, argument or value is an error.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from ..geometry.keypoints import are_groups
from .allowed_parts import CURE, PARTS, copy_part, full_name

MOST_CHARACTERS = 1_000_000  # of a config; the largest of this project has 10,000


def parse_config(text: str) -> dict:
    """Read a config that MMEngine wrote into a checkpoint.

    Args:
        text (str): Python source: assignments of plain values and calls of
            ``dict``.

    Returns:
        dict: The values by name.

    Raises:
        ValueError: If the text holds anything else.
    """
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f'{len(text):,} characters')
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


def carried_config(config: Mapping) -> dict:
    """Copy what prediction needs from a config in a checkpoint.

    Args:
        config (Mapping): As :func:`parse_config` returns it.

    Returns:
        dict: ``model``, ``default_scope``, ``test_dataloader`` with the steps of the
        pipeline that the predictor reads, and ``licence``.

    Raises:
        ValueError: If the model names a type, an argument or a value that is not
            on the list. The message names the first one.
    """
    return dict(
        default_scope='mmpose',
        model=copy_part(config.get('model'), 'model'),
        test_dataloader=dict(dataset=dict(pipeline=list(_steps(config)))),
        licence=_text(config.get('licence')),
    )


def carried_dataset_meta(meta: Mapping, keypoints: int) -> dict[str, Any]:
    """Copy the description of the keypoints from the meta data of a checkpoint.

    Args:
        meta (Mapping): ``meta`` of the checkpoint.
        keypoints (int): Number of keypoints of the model.

    Returns:
        dict: ``keypoint_id2name``, the name of each keypoint, and ``flip_indices``, the
        keypoints in a mirrored image; ``skeleton_links``, pairs of keypoints that a
        drawing joins; each only if the checkpoint has it for this number of
        keypoints.
    """
    found = meta.get('dataset_meta')
    if not isinstance(found, Mapping):
        return {}
    copy: dict[str, Any] = {}
    names, flips = found.get('keypoint_id2name'), found.get('flip_indices')
    if isinstance(names, Mapping) and set(names) == set(range(keypoints)):
        copy['keypoint_id2name'] = {i: _text(names[i]) for i in range(keypoints)}
    if isinstance(flips, (list, tuple)) and len(flips) == keypoints:
        if all(isinstance(i, int) and 0 <= i < keypoints for i in flips):
            copy['flip_indices'] = list(flips)
    links = found.get('skeleton_links')
    if (
        isinstance(links, (list, tuple))
        and are_groups(links, keypoints)
        and len(links) <= keypoints**2
        and all(len(link) == 2 for link in links)
    ):
        copy['skeleton_links'] = [list(link) for link in links]
    return copy


def _steps(config: Mapping) -> Iterator[dict[str, Any]]:
    """Yield the steps of the test pipeline that the predictor reads."""
    found: Any = config.get('test_dataloader') or config.get('val_dataloader') or {}
    for key in ('dataset', 'pipeline'):
        found = found.get(key) if isinstance(found, Mapping) else None
    for step in found if isinstance(found, (list, tuple)) else ():
        name = step.get('type') if isinstance(step, Mapping) else None
        if isinstance(name, str) and full_name(name, 'step') in PARTS['step']:
            yield copy_part(step, 'step')


def _text(value: Any) -> str:
    """Return a short text."""
    return value[:200] if isinstance(value, str) else ''


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
