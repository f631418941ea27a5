from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import load_tool

Fresh = Callable[..., subprocess.CompletedProcess]
TOOL = 'option_reference.py'


def test_the_page_is_up_to_date(fresh: Fresh, root: Path) -> None:
    done = fresh(root / 'tools' / TOOL, '--check', cwd=root)
    assert done.returncode == 0, done.stderr


def test_rows_of_a_parser() -> None:
    tool = load_tool(TOOL)
    parser = argparse.ArgumentParser()
    parser.add_argument('config', help='the experiment')
    parser.add_argument('images', nargs='+', metavar='IMAGE')
    parser.add_argument('--amp', nargs='?', choices=['always', 'auto'])
    parser.add_argument('--limits', nargs='+', type=float, default=[8, 10])
    parser.add_argument('--eyes', nargs=2, metavar=('LEFT', 'RIGHT'))
    parser.add_argument('--seed', type=int, default=0, help='of the choice')
    parser.add_argument('-q', '--quiet', action='store_true', help='say less')
    parser.add_argument('--out', help='folder (default: that of %(prog)s)')
    parser.add_argument('--times', type=int, default=20, help='default: 20')
    parser.add_argument('--secret', help=argparse.SUPPRESS)
    parser.add_argument('--part', help='50 %% of\n  it', default='')
    parser.prog = 'tool'
    assert [tuple(row) for row in tool.rows_of(parser)] == [
        ('`config`', '', '', 'the experiment'),
        ('`IMAGE`', 'one or more', '', ''),
        ('`--amp`', '`always`, `auto`; may be left out', '', ''),
        ('`--limits`', 'a number; one or more', '8 10', ''),
        ('`--eyes`', 'LEFT RIGHT; 2 of them', '', ''),
        ('`--seed`', 'a whole number', '0', 'of the choice'),
        ('`-q`, `--quiet`', '', '', 'say less'),
        ('`--out`', '', 'that of tool', 'folder'),
        ('`--times`', 'a whole number', '20', ''),
        ('`--part`', '', '', '50 % of it'),
    ]


def test_a_section() -> None:
    tool = load_tool(TOOL)
    parser = argparse.ArgumentParser()
    assert tool.section('x', 'do it.', parser) == ('### `x`\n\nDo it.\n\nNo options.\n')
    parser.add_argument('--a', help='b|c, a/*/b, <d>')
    assert tool.section('x', 'Do it', parser).splitlines()[-1] == (
        '| `--a` |  |  | b\\|c, a/\\*/b, \\<d> |'
    )
    assert tool.section('x', 'Do it', None) == '### `x`\n\nDo it.\n'


def test_a_program_is_stopped_where_it_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = load_tool(TOOL)
    monkeypatch.chdir(tmp_path)
    script = tmp_path / 'script.py'
    lines = (
        '"""Says more.\n\nMuch more."""',
        'import argparse',
        'parser = argparse.ArgumentParser()',
        "parser.add_argument('--why')",
        "if __name__ == '__main__':",
        '    try:',
        '        parser.parse_args()',
        '    except Exception:',
        '        pass',
        '    open("ran", "w")',
    )
    script.write_text('\n'.join(lines))
    text, parser = tool.parser_of(script)
    assert text.startswith('Says more.')
    assert [row.argument for row in tool.rows_of(parser)] == ['`--why`']
    assert not Path('ran').exists()
    script.write_text('"""Reads by itself."""\nimport sys\nsys.exit(sys.argv)')
    assert tool.parser_of(script) == ('Reads by itself.', None)


def test_a_stale_page_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    tool = load_tool(TOOL)
    monkeypatch.setattr(tool, 'PAGE', tmp_path / 'options.md')
    monkeypatch.setattr(tool, 'page', lambda: 'new')
    assert tool.main(['--check']) == 1
    assert tool.main([]) == 0
    assert tool.main(['--check']) == 0
    (tmp_path / 'options.md').write_text('old')
    assert tool.main(['--check']) == 1
    assert 'python tools/option_reference.py' in capsys.readouterr().err
