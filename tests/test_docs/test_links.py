"""Every link of a page leads to a file and a heading that exist."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
DOCS = [p for p in sorted((ROOT / 'docs').rglob('*.md')) if '_build' not in p.parts]
PAGES = [*ROOT.glob('*.md'), *DOCS]
CODE = re.compile(r'^(```+).*?^\1 *$', re.DOTALL | re.MULTILINE)
LINK = re.compile(r'\]\(([^()\s]+)(?: "[^"]*")?\)')
OUTSIDE = ('http:', 'https:', 'mailto:')


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading)
    text = re.sub(r'[^\w\- ]', '', text.strip().lower())
    return text.replace(' ', '-')


def anchors(page: Path) -> set[str]:
    """Return all anchors of a page; equal headings are numbered."""
    text = CODE.sub('', page.read_text(encoding='utf-8'))
    found: list[str] = []
    for heading in re.findall(r'^#+ +(.*?) *$', text, re.MULTILINE):
        base = slug(heading)
        again = sum(re.sub(r'-\d+$', '', a) == base for a in found)
        found.append(f'{base}-{again}' if base in found else base)
    return set(found)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links inside the project."""
    text = CODE.sub('', page.read_text(encoding='utf-8'))
    text = re.sub(r'`[^`\n]*`', '``', text)
    found = [unquote(target) for target in LINK.findall(text)]
    return [target for target in found if not target.startswith(OUTSIDE)]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), f'{page}: {target}'
        assert file.exists(), f'{page}: {target}'
        if anchor:
            assert anchor in anchors(file), f'{page}: {target}'


def test_every_page_is_reached_from_the_first() -> None:
    start = ROOT / 'docs' / 'README.md'
    reached, todo = set(), [start]
    while todo:
        page = todo.pop()
        if page.is_dir():
            todo += page.glob('*.md')
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        for target in links(page):
            todo.append((page.parent / target.partition('#')[0]).resolve())
    assert set(DOCS) <= reached


def test_slugs_by_hand() -> None:
    assert slug('Models and doctor') == 'models-and-doctor'
    assert slug('`rcn-mmpose predict`') == 'rcn-mmpose-predict'
    assert slug('`tools/test.py`') == 'toolstestpy'
    assert slug('8 bits') == '8-bits'
    assert slug('A [link](x.md), and more') == 'a-link-and-more'


def test_links_and_anchors_by_hand(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text(
        '# Here\n[a](b.md#c) `[no](link.md)` [out](https://example.org)\n'
        '```\n[nor](this.md)\n# nor this\n```\n# Here\n![p](p.png)\n'
    )
    assert links(page) == ['b.md#c', 'p.png']
    assert anchors(page) == {'here', 'here-1'}
