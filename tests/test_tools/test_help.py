"""Every option of every tool has a help text."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# mmpose_tool.py passes its arguments on, and has no parser.
TOOLS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / 'tools').rglob('*.py')
    if path.name != 'mmpose_tool.py'
)


class Parsed(BaseException):
    """Stops a tool when it parses its command line."""


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield all options and arguments, also of subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from actions(command)
        else:
            yield action


@pytest.mark.usefixtures('handlers')
@pytest.mark.parametrize('tool', TOOLS)
def test_options_have_help(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(parser: argparse.ArgumentParser, *arguments: object) -> None:
        raise Parsed(parser)

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
    monkeypatch.setattr(sys, 'argv', [tool])
    monkeypatch.setattr(sys, 'path', [str((ROOT / tool).parent), *sys.path])
    with pytest.raises(Parsed) as found:
        runpy.run_path(str(ROOT / tool), run_name='__main__')
    (parser,) = found.value.args
    without = [
        '/'.join(action.option_strings) or action.dest
        for action in actions(parser)
        if not action.help
    ]
    assert without == []
