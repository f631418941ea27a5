"""The config that a checkpoint carries, read without running it."""

from __future__ import annotations

import ast
from typing import Any


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
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            'the config in the checkpoint is not made of plain values '
            f'({error}); give the config file too: load_model(CONFIG, '
            'CHECKPOINT).'
        ) from error


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
