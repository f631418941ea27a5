"""Write docs/options.md, the options of all commands and tools.

    python tools/option_reference.py
    python tools/option_reference.py --check

reads them off the parsers: those of the console command's verbs, and those
that the scripts below tools/ and the modules for ``python -m`` come to when
they are started. With ``--check`` nothing is written; it ends with 1 if the
page is not what would be written.
"""

from __future__ import annotations

import argparse
import importlib
import re
import runpy
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn
from unittest import mock

from rcn_mmpose.cli import VERBS
from rcn_mmpose.io.atomic import write_whole

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'options.md'
START = """\
# Options

Of the console command, of the scripts below `tools/`, and of modules that run
by `python -m`. This page is written by `python tools/option_reference.py` from
what `--help` shows. Examples: [command.md](command.md),
[the README](../README.md). The scripts `tools/dist_*.sh` and
`tools/slurm_*.sh` hand their arguments on, see
[distributed.md](distributed.md).
"""
MAIN = "\nif __name__ == '__main__':"
DEFAULT = re.compile(r'[\s,;]*\(?\bdefault: ([^()]*(?:\([^()]*\))?[^()]*)\)?$')


class Row(NamedTuple):
    """An argument as the page shows it."""

    argument: str
    values: str
    default: str
    meaning: str


class _FoundError(BaseException):
    """Carries a parser out of a program that wants to use it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--check', action='store_true', help='write nothing, compare')
    options = parser.parse_args(arguments)
    text = page()
    if not options.check:
        write_whole(str(PAGE), text.encode())
    elif not PAGE.is_file() or PAGE.read_text(encoding='utf-8') != text:
        print(
            'docs/options.md is not up to date; write it again: '
            'python tools/option_reference.py',
            file=sys.stderr,
        )
        return 1
    return 0


def page() -> str:
    """Return the whole page."""
    parts = [START, '## The command `rcn-mmpose`\n']
    for verb, text in VERBS.items():
        module = importlib.import_module(f'rcn_mmpose.cli.{verb}')
        parser = argparse.ArgumentParser(prog=f'rcn-mmpose {verb}')
        module.add_arguments(parser)
        parts.append(section(parser.prog, text, parser))
    parts.append('## Scripts\n')
    for path in sorted((ROOT / 'tools').rglob('*.py')):
        if MAIN in path.read_text(encoding='utf-8'):
            name = path.relative_to(ROOT).as_posix()
            parts.append(of_program(name, *parser_of(path)))
    parts.append('## Modules\n')
    for name in programs_of_the_package():
        parts.append(of_program(f'python -m {name}', *parser_of(name)))
    return '\n'.join(parts)


def of_program(name: str, doc: str, parser: argparse.ArgumentParser | None) -> str:
    """Describe a program, with the first line of its docstring."""
    first = doc.strip().splitlines()[0].replace('``', '`')
    return section(name, first, parser)


def programs_of_the_package() -> Iterator[str]:
    """Go through the modules with a parser, but for those of verbs."""
    for path in sorted((ROOT / 'rcn_mmpose').rglob('*.py')):
        text = path.read_text(encoding='utf-8')
        if MAIN in text and 'ArgumentParser(' in text and path.stem not in VERBS:
            yield '.'.join(path.relative_to(ROOT).with_suffix('').parts)


def parser_of(
    program: Path | str,
) -> tuple[str, argparse.ArgumentParser | None]:
    """Start a program and stop it where it reads its command line.

    Args:
        program (Path | str): A script, or the name of a module.

    Returns:
        tuple: Its docstring, and its parser or None if it uses none.
    """
    script = isinstance(program, Path)
    found = None
    with _stopped(str(program)):
        try:
            if script:
                runpy.run_path(str(program), run_name='__main__')
            else:
                runpy.run_module(program, run_name='__main__')
        except _FoundError as error:
            found = error.parser
        except SystemExit:  # it reads sys.argv by itself
            pass
    path = program if script else ROOT / (program.replace('.', '/') + '.py')
    code = compile(path.read_text(encoding='utf-8'), str(path), 'exec')
    return code.co_consts[0], found


@contextmanager
def _stopped(program: str) -> Iterator[None]:
    """Let no parser parse."""

    def stop(
        parser: argparse.ArgumentParser, *arguments: object, **_: object
    ) -> NoReturn:
        raise _FoundError(parser)

    names = ('parse_args', 'parse_known_args')
    patches = {name: stop for name in names}
    with (
        warnings.catch_warnings(),
        mock.patch.multiple(argparse.ArgumentParser, **patches),
        mock.patch.object(sys, 'argv', [program]),
        mock.patch.object(sys, 'path', [*sys.path]),
    ):
        # of modules that a package has imported already
        warnings.simplefilter('ignore', RuntimeWarning)
        yield


def section(name: str, text: str, parser: argparse.ArgumentParser | None) -> str:
    """Return the part of the page for a command."""
    lines = [f'### `{name}`', '', text[0].upper() + text[1:].rstrip('.') + '.']
    rows = [] if parser is None else list(rows_of(parser))
    if rows:
        lines += ['', '| argument | values | default | meaning |']
        lines.append('| --- | --- | --- | --- |')
        lines += ['| ' + ' | '.join(map(_cell, row)) + ' |' for row in rows]
    elif parser is not None:
        lines += ['', 'No options.']
    return '\n'.join(lines) + '\n'


def rows_of(parser: argparse.ArgumentParser) -> Iterator[Row]:
    """Describe the arguments of a parser, but for ``--help``."""
    for action in parser._actions:
        if action.dest == 'help' or action.help == argparse.SUPPRESS:
            continue
        text = (action.help or '') % dict(vars(action), prog=parser.prog)
        text = ' '.join(text.split())
        default = ''
        if match := DEFAULT.search(text):
            text, default = text[: match.start()], match[1]
        elif action.option_strings and _is_told(action.default):
            default = _words(action.default)
        named = ', '.join(f'`{name}`' for name in action.option_strings)
        yield Row(
            named or f'`{action.metavar or action.dest}`',
            _values(action),
            default,
            text,
        )


def _values(action: argparse.Action) -> str:
    """Say what an argument takes."""
    if action.nargs == 0:
        return ''
    if action.choices is not None:
        one = ', '.join(f'`{choice}`' for choice in action.choices)
    elif action.metavar and action.option_strings:
        one = _words(action.metavar)
    elif action.type in (int, float):
        one = {int: 'a whole number', float: 'a number'}[action.type]
    else:
        one = ''
    many = {'+': 'one or more', '*': 'any number', '?': 'may be left out'}
    if isinstance(action.nargs, int):
        times = f'{action.nargs} of them' if action.nargs > 1 else ''
    else:
        times = many.get(action.nargs, '')
    return '; '.join(filter(None, (one, times)))


def _is_told(default: object) -> bool:
    """Whether a default says something; 0 does."""
    nothing = default is None or default is False or default in ('', [], {})
    return not nothing and default != argparse.SUPPRESS


def _words(value: object) -> str:
    """Return a value, or several, as one types them."""
    if isinstance(value, (list, tuple)):
        return ' '.join(map(str, value))
    return str(value)


def _cell(text: str) -> str:
    """Escape what would end a cell, or vanish in it."""
    return re.sub(r'([|*<])', r'\\\1', text)


if __name__ == '__main__':
    sys.exit(main())
