from __future__ import annotations

import os
from pathlib import Path

import pytest

from rcn_mmpose.io.output import write_whole


def test_write(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'file'
    write_whole(str(path), b'old')
    write_whole(str(path), b'content')
    assert path.read_bytes() == b'content'
    assert os.listdir(path.parent) == ['file']


def test_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def fail(*args: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_whole(str(path), b'content')
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file']
