"""Tests of the checks in tests/faults/fault_test.py, without a training."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT, load_script

HALF = 'work/epoch_1.pth'
JOB = """
import os, sys, time
folder = sys.argv[1]
os.makedirs(f'{folder}/work', exist_ok=True)
open(f'{folder}/work/epoch_2.pth', 'wb').close()
while not os.path.exists(f'{folder}/struck'):
    time.sleep(0.01)
os.unlink(f'{folder}/work/epoch_2.pth')
%s
"""


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program as a module."""
    monkeypatch.syspath_prepend(ROOT / 'tests' / 'faults')  # it imports kill_test
    return load_script('faults/fault_test.py')


def struck(tool: ModuleType, folder: Path, end: str) -> tuple:
    """Inject a fault into a job that ends with this code; return scene and result."""
    scene = tool.Scene(str(folder / 'scene'), '', {'weight': 'right'})
    job = tool.Job(
        lambda place: [sys.executable, '-c', JOB % end, place],
        lambda place: {'weight': 'wrong'},
    )

    def fault(pid: int) -> None:
        assert pid > 0
        Path(scene.folder, 'struck').touch()

    return scene, job, scene.strike(job, fault)


def test_the_error_must_contain_the_parts(tool: ModuleType, tmp_path: Path) -> None:
    scene, _, ended = struck(tool, tmp_path, 'raise OSError("disk full: --resume")')
    scene.failed_with(ended, 'disk full', '--resume')
    assert not scene.complaints
    assert ended.seconds < 30
    scene.failed_with(ended, 'a worker')
    assert scene.complaints == [
        "no error says 'a worker': ['OSError: disk full: --resume']"
    ]


def test_missing_error_and_other_weights_are_found(
    tool: ModuleType, tmp_path: Path
) -> None:
    scene, job, ended = struck(tool, tmp_path, '')
    scene.failed_with(ended)
    scene.same_after(job)
    assert scene.complaints == [
        'it did not end with an error',
        "other weights: ['weight']",
    ]


def test_truncated_checkpoint_is_found(tool: ModuleType, tmp_path: Path) -> None:
    scene, _, ended = struck(
        tool,
        tmp_path,
        f'open(f"{{folder}}/{HALF}", "wb").write(b"half"); sys.exit(1)',
    )
    scene.failed_with(ended)
    assert scene.complaints == ['epoch_1.pth is incomplete']


def test_descendants_of_the_parent(tool: ModuleType) -> None:
    assert os.getpid() in tool.descendants(os.getppid())
