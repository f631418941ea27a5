"""The settings of the site name every page; the build itself is ``make docs``."""

from __future__ import annotations

import ast
from pathlib import Path

DOCS = Path(__file__).parents[2] / 'docs'


def lists() -> dict[str, list[str]]:
    """Read the lists of names in docs/conf.py; Sphinx is not needed."""
    tree = ast.parse((DOCS / 'conf.py').read_text(encoding='utf-8'))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            (target,) = node.targets
            if isinstance(target, ast.Name) and target.id.isupper():
                found[target.id] = ast.literal_eval(node.value)
    return found


def test_every_page_is_in_the_contents() -> None:
    names = lists()
    listed = ['README', *names['PAGES'], *names['CARDS']]
    pages = [
        path.relative_to(DOCS).with_suffix('').as_posix()
        for path in DOCS.rglob('*.md')
        if '_build' not in path.parts
    ]
    assert sorted(listed) == sorted(pages)


def test_every_room_has_a_page_of_the_reference() -> None:
    rooms = lists()['ROOMS']
    package = DOCS.parent / 'rcn_mmpose'
    expected = {'rcn_mmpose'}
    for path in package.iterdir():
        if path.suffix == '.py' and not path.name.startswith('__'):
            expected.add(path.stem)
        elif (path / '__init__.py').is_file():
            expected.add(path.name)
    assert sorted(rooms) == sorted(expected)
    for room in rooms:
        text = (DOCS / 'api' / f'{room}.rst').read_text(encoding='utf-8')
        name = room if room == 'rcn_mmpose' else f'rcn_mmpose.{room}'
        assert f'.. automodule:: {name}\n' in text


def test_the_packages_of_the_site_are_pinned() -> None:
    text = (DOCS.parent / 'requirements' / 'docs.txt').read_text(encoding='utf-8')
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    assert lines and all('==' in line for line in lines)
