"""What attacks leave behind: a file, a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Path]:
    """A file that a planted program creates; it must not exist after the test."""
    path = tmp_path / 'ran'
    yield path
    assert not path.exists(), 'the planted program ran'


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list]:
    """Record and refuse every connection; there must be none after the test."""
    tried: list = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError('this test has no network')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket.socket, 'connect_ex', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    yield tried
    assert not tried
