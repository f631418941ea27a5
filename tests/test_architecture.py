"""The rooms of the package: their order, their names, their size."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError
from pathlib import Path

import pytest
from conftest import ROOT

from rcn_mmpose.lab.import_graph import (
    draw,
    imported,
    levels,
    modules,
    room_graph,
)

# Between these lines of ARCHITECTURE.md each `name/` or `name` is a room.
BEGIN, END = '<!-- rooms, lowest first -->', '<!-- end of rooms -->'
DOORS = {'__init__', '__main__', 'compat', 'registry', 'version'}
PAGE = (ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8')
MODULES = modules()


def stated_order(page: str) -> list[str]:
    """Read the order of the rooms from the text of ARCHITECTURE.md.

    Args:
        page (str): The text.

    Returns:
        list[str]: Rooms, lowest first.

    Raises:
        ValueError: If the marks are missing.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f'the page lacks the lines {BEGIN!r} and {END!r}.')
    rows = page.split(BEGIN)[1].split(END)[0].splitlines()
    names = [row.split('`')[1] for row in rows if row.startswith('| `')]
    return [name.removesuffix('/').removesuffix('.py') for name in names]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package in which two folders import each other."""
    files = {
        '__init__.py': 'from .low.a import one\n',
        'low/__init__.py': '',
        'low/a.py': 'import os\n\n\ndef f():\n    from ..high import b\n',
        'high/__init__.py': '',
        'high/b.py': (
            'from typing import TYPE_CHECKING\n'
            'if TYPE_CHECKING:\n'
            '    from toy.low.a import one\n'
            'from . import c\n'
        ),
        'high/c.py': "import importlib\nimportlib.import_module('toy.version')\n",
        'version.py': '',
    }
    for name, text in files.items():
        path = tmp_path / 'toy' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / 'toy'


def test_every_kind_of_import_counts(toy: Path) -> None:
    known = modules(toy)
    assert set(known) == {
        '__init__',
        'high',
        'high.b',
        'high.c',
        'low',
        'low.a',
        'version',
    }
    assert list(imported('low.a', known, toy)) == ['high.b']
    assert sorted(imported('high.b', known, toy)) == ['high.c', 'low.a']
    assert room_graph(toy) == {
        '__init__': {'low'},
        'high': {'low', 'version'},
        'low': {'high'},
        'version': set(),
    }


def test_the_order_is_read_from_the_page() -> None:
    rows = '| room | idea |\n| --- | --- |\n| `a.py` | one |\n| `image/` | b `c` |\n'
    assert stated_order(f'x\n{BEGIN}\n{rows}{END}\ny') == ['a', 'image']
    with pytest.raises(ValueError, match='the page lacks'):
        stated_order(rows)


def test_the_page_names_every_room_once() -> None:
    assert sorted(stated_order(PAGE)) == sorted(room_graph())


def test_rooms_import_only_rooms_below() -> None:
    order = stated_order(PAGE)
    upwards = [
        f'{room} imports {other}'
        for room, others in room_graph().items()
        for other in others
        if order.index(other) > order.index(room)
    ]
    assert not upwards


def test_a_cycle_of_rooms_is_named(toy: Path) -> None:
    with pytest.raises(CycleError, match=r"'low', 'high'|'high', 'low'"):
        levels(room_graph(toy))
    assert levels({'a': {'b', 'c'}, 'b': {'c'}, 'c': set()}) == dict(a=2, b=1, c=0)


def test_the_picture_of_the_layers_is_drawn(tmp_path: Path) -> None:
    draw({'a': {'b'}, 'b': set()}, str(tmp_path / 'layers.png'))
    assert (tmp_path / 'layers.png').read_bytes()[1:4] == b'PNG'


def test_only_doors_lie_at_the_top() -> None:
    assert {path.stem for path in MODULES.values()} >= DOORS
    assert {name for name in MODULES if MODULES[name].parent.name == 'rcn_mmpose'} == (
        DOORS
    )


def test_no_class_name_twice() -> None:
    names = Counter(
        node.name
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_modules_have_the_size_of_one_idea() -> None:
    lines = {
        name: len(path.read_text(encoding='utf-8').splitlines())
        for name, path in MODULES.items()
        if path.name != '__init__.py' and name not in DOORS
    }
    fits = [name for name, count in lines.items() if 150 <= count <= 350]
    assert len(fits) > len(lines) / 2, f'{len(fits)} of {len(lines)}'
    assert {name for name, count in lines.items() if count > 400} == set()


@pytest.mark.parametrize('page', ['README.md', 'CONTRIBUTING.md'])
def test_the_map_is_linked(page: str) -> None:
    assert '(ARCHITECTURE.md)' in (ROOT / page).read_text(encoding='utf-8')


def test_paths_on_the_map_exist() -> None:
    words = set(re.findall(r'`([a-z_0-9./]+/[a-z_0-9./]*)`', PAGE))
    missing = [
        word
        for word in sorted(words)
        if not ((ROOT / word).exists() or (ROOT / 'rcn_mmpose' / word).exists())
    ]
    assert not missing
