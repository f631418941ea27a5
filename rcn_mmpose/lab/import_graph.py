"""The import graph of the package: which room imports which.

A room is a folder of ``rcn_mmpose/`` or a module at its top (a door). Every
import statement counts: at the top of a module, inside a function, and below
``TYPE_CHECKING``. A string that is the full name of a module counts too: lazy
imports take it. ``ARCHITECTURE.md`` states the order of the rooms, and
``tests/test_architecture.py`` compares both.

    python -m rcn_mmpose.lab.import_graph docs/figures/layers.png

draws the rooms in layers.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# Colour of a room in the picture: doors, data, networks, prediction, laboratory.
COLOURS = {
    '#e3e3e3': ('__init__', '__main__', 'compat', 'registry', 'version'),
    '#d5e8f7': ('environment', 'geometry', 'image', 'io', 'shipped'),
    '#fbe3c5': ('codecs', 'models', 'datasets', 'device_data', 'engine', 'evaluation'),
    '#d9efd3': ('cli', 'detect', 'inference', 'serve', 'tracking'),
    '#f3d9e8': ('lab', 'synthetic'),
}


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Find the modules of the package.

    Args:
        package (Path): Folder of the package.

    Returns:
        dict[str, Path]: File of each module, by its dotted name without the
        package's, such as ``image.crop``; the package itself is
        ``__init__``. Generated configs of shipped models are no modules.
    """
    found = {}
    for path in sorted(package.rglob('*.py')):
        parts = path.relative_to(package).with_suffix('').parts
        if parts[0] == '.mim' or parts[:2] == ('shipped', 'models'):
            continue
        if len(parts) > 1 and parts[-1] == '__init__':
            parts = parts[:-1]
        found['.'.join(parts)] = path
    return found


def imported(name: str, known: dict[str, Path], package: Path) -> Iterator[str]:
    """List the modules of the package that one module imports.

    Args:
        name (str): The module, as in :func:`modules`.
        known (dict[str, Path]): All modules.
        package (Path): Folder of the package.

    Yields:
        str: Name of an imported module, once for each import.
    """
    path = known[name]
    folder = path.relative_to(package).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split('.')) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = tuple(node.module.split('.')) if node.module else ()
            if node.level:
                above = folder[: len(folder) + 1 - node.level]
                base = (package.name, *above, *base)
            names = [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = node.value.split('.')
            if parts[0] == package.name and '.'.join(parts[1:]) in known:
                names = [tuple(parts)]
        for first, *rest in names:
            if first == package.name:
                yield _longest(rest, known)


def _longest(parts: list[str], known: dict[str, Path]) -> str:
    """Return the module that a dotted name means or lies in."""
    for count in range(len(parts), 0, -1):
        if '.'.join(parts[:count]) in known:
            return '.'.join(parts[:count])
    return '__init__'


def room_graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Compute which rooms each room imports.

    Args:
        package (Path): Folder of the package.

    Returns:
        dict[str, set[str]]: By room, the other rooms that it imports.
    """
    known = modules(package)
    graph: dict[str, set[str]] = {name.split('.')[0]: set() for name in known}
    for name in known:
        room = name.split('.')[0]
        rooms = {other.split('.')[0] for other in imported(name, known, package)}
        graph[room] |= rooms - {room}
    return graph


def levels(graph: dict[str, set[str]]) -> dict[str, int]:
    """Compute the level of each room.

    Args:
        graph (dict[str, set[str]]): From :func:`room_graph`.

    Returns:
        dict[str, int]: 0 for a room that imports no other room, else one more
        than the highest level of the rooms that it imports.

    Raises:
        graphlib.CycleError: If rooms import each other in a circle; the error
            names them.
    """
    found: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        found[room] = max((1 + found[other] for other in graph[room]), default=0)
    return found


def draw(graph: dict[str, set[str]], path: str) -> None:
    """Draw the rooms as boxes, one row for each level, the lowest at the bottom.

    Args:
        graph (dict[str, set[str]]): From :func:`room_graph`.
        path (str): Image to write; its ending decides the format.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

    level = levels(graph)
    rows = max(level.values()) + 1
    figure = Figure(figsize=(7.2, 0.62 * rows + 0.3), dpi=130)
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    for row in range(rows):
        rooms = sorted(room for room in graph if level[room] == row)
        for i, room in enumerate(rooms):
            x = i - (len(rooms) - 1) / 2
            axes.add_patch(
                FancyBboxPatch(
                    (x - 0.4, row - 0.24),
                    0.8,
                    0.48,
                    boxstyle='round,pad=0.02',
                    facecolor=_colour(room),
                    edgecolor='0.35',
                )
            )
            axes.text(x, row, room, ha='center', va='center', fontsize=10)
    wide = max(list(level.values()).count(row) for row in range(rows))
    axes.set_xlim(-wide / 2 - 0.05, wide / 2 + 0.05)
    axes.set_ylim(-0.45, rows - 0.55)
    axes.axis('off')
    figure.savefig(path)


def _colour(room: str) -> str:
    """Return the colour of a kind of room."""
    for colour, rooms in COLOURS.items():
        if room in rooms:
            return colour
    return 'white'


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the rooms of the package."""
    parser = argparse.ArgumentParser(description='Draw the layers of the package.')
    parser.add_argument('path', help='image to write')
    draw(room_graph(), parser.parse_args(arguments).path)


if __name__ == '__main__':
    main()
