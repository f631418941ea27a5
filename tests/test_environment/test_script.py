"""The last line and the exit status of a script."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rcn_mmpose.environment.script import Interrupted, interruption

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import os, signal, sys, time
from rcn_mmpose.environment.script import RESUME_SAME, run_script
def main(text):
"""


def run(body: str, call: str = "main, 'a'") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-c', f'{HEAD}    {body}\nrun_script({call})\n'],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ('body', 'status'), [('return None', 0), ('return 3', 3), ('sys.exit(4)', 4)]
)
def test_status_of_main(body: str, status: int) -> None:
    done = run(body)
    assert (done.returncode, done.stderr) == (status, '')


def test_an_error_is_one_line() -> None:
    done = run("raise ValueError(f'no {text}')")
    assert (done.returncode, done.stderr) == (1, 'error: no a\n')
    done = run('raise KeyError(text)', "main, 'a', errors=(KeyError,)")
    assert (done.returncode, done.stderr) == (1, "error: 'a'\n")


def test_a_mistake_in_the_code_is_a_traceback() -> None:
    done = run('raise TypeError(text)')
    assert done.returncode == 1
    assert done.stderr.startswith('Traceback')


def test_a_name_that_stdout_cannot_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PYTHONIOENCODING', 'ascii')
    done = run(r"print('\u9854.jpg')")
    assert (done.returncode, done.stdout) == (0, '\\u9854.jpg\n')


@pytest.mark.parametrize(('name', 'status'), [('SIGINT', 130), ('SIGTERM', 143)])
def test_a_signal_is_one_line(name: str, status: int) -> None:
    body = f'os.kill(os.getpid(), signal.{name}); time.sleep(30)'
    done = run(body)
    assert done.returncode == status
    assert done.stderr == '\ninterrupted; the same command starts again\n'
    done = run(body, "main, 'a', hint=RESUME_SAME")
    assert done.stderr == '\ninterrupted; resume with the same command\n'


def test_an_error_that_follows_a_signal() -> None:
    body = (
        'try: os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)\n'
        '    finally: raise RuntimeError("a worker has ended")'
    )
    done = run(body)
    assert done.returncode == 143
    assert 'Traceback' not in done.stderr


def test_a_caller_sets_the_command_to_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RCN_MMPOSE_RESUME', 'make demo')
    done = run('raise KeyboardInterrupt')
    assert (done.returncode, done.stderr) == (
        130,
        '\ninterrupted; resume with: make demo\n',
    )


def test_a_forked_process_ends_without_output() -> None:
    body = (
        'child = os.fork()\n'
        '    if not child: time.sleep(30)\n'
        '    time.sleep(0.5); os.kill(child, signal.SIGTERM)\n'
        '    print(os.waitpid(child, 0)[1])'
    )
    done = run(body)
    assert (done.returncode, done.stderr) == (0, '')
    assert int(done.stdout) == signal.SIGTERM


def test_which_errors_are_interruptions() -> None:
    stopped = Interrupted(signal.SIGTERM)
    assert stopped.exit_status == 143
    assert interruption(stopped) is stopped
    assert interruption(KeyboardInterrupt()) is not None
    assert interruption(ValueError()) is None
