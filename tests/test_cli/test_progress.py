from __future__ import annotations

import io
import sys

import pytest

from rcn_mmpose.cli import progress


class Terminal(io.StringIO):
    """A terminal that records its output."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, quiet: bool = False) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    monkeypatch.setenv('TERM', 'xterm')
    with progress('images', 4, quiet) as advance:
        advance()
        advance(2)
    return terminal.getvalue()


def test_a_terminal_shows_the_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip('rich')
    text = shown(monkeypatch)
    assert 'images' in text and '3/4' in text


def test_progress_is_shown_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert shown(monkeypatch, quiet=True) == ''
    monkeypatch.undo()
    with progress('images', 4) as advance:
        advance(4)
    assert capsys.readouterr() == ('', '')


def test_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'rich.progress', None)
    assert shown(monkeypatch) == ''
