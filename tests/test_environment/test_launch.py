"""Errors of the launcher: invalid arguments, and the rank that failed first."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from torch.distributed import DistStoreError
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)

from rcn_mmpose.environment.launch import describe, main, root_cause


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--nproc-per-node=0'], "'0' processes; give 1 or more"),
        (['--nproc-per-node=two'], "'two' processes; give 1 or more"),
        (['--nnodes=-1'], "'-1' nodes (NNODES); give 1 or more"),
        (
            ['--nnodes=2', '--node-rank=2'],
            'NODE_RANK=2; give 0 to 1 for 2 nodes (NNODES).',
        ),
        (['--master-port=70000'], 'port 70000 cannot be used'),
    ],
)
def test_invalid_numbers(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main([*arguments, 'never_run.py']) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f'error: {message}')


def test_port_in_use(capsys: pytest.CaptureFixture) -> None:
    with socket.create_server(('', 0)) as server:
        port = server.getsockname()[1]
        assert main([f'--master-port={port}', 'never_run.py']) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f'port {port} cannot be used' in line and 'in use' in line
    assert 'PORT=...' in line


def test_a_missing_node(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def run(args: object) -> None:
        raise DistStoreError('1/2 clients joined.\nframe #0: ...')

    monkeypatch.setattr(torchrun, 'run', run)
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        monkeypatch.setenv(name, '1')  # main() may set them
    assert main(['--nnodes=2', 'never_run.py']) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert 'cannot reach each other: 1/2 clients joined. Start all' in line


def failure(
    folder: Path, rank: int, exitcode: int, error: str = '', at: float = 0
) -> ProcessFailure:
    """Return a failed process with its time in seconds, with or without report."""
    file = folder / f'{rank}.json'
    if error:
        content = dict(
            message=error,
            extraInfo=dict(py_callstack=f'Trace\n{error}\n', timestamp='7'),
        )
        file.write_text(json.dumps(dict(message=content)))
        os.utime(file, (at, at))
    found = ProcessFailure(rank, 1234, exitcode, str(file))
    if not error:
        found.timestamp = int(at)  # torchrun counts in whole seconds
    return found


def first(*failures: ProcessFailure) -> str:
    ranks = {item.local_rank: item for item in failures}
    return describe(*root_cause(ChildFailedError('run', ranks)))


def test_the_first_of_two_errors_in_one_second(tmp_path: Path) -> None:
    text = first(
        failure(tmp_path, 0, 1, 'RuntimeError: connection closed', at=7.6),
        failure(tmp_path, 1, 1, 'ValueError: no such image', at=7.5),
    )
    assert text == (
        'Trace\nValueError: no such image\n'
        'error: the process of rank 1 died first: ValueError: no such image'
    )


def test_sudden_death_before_the_connection_is_lost(tmp_path: Path) -> None:
    text = first(
        failure(tmp_path, 0, 1, 'RuntimeError: connection closed', at=7.9),
        failure(tmp_path, 1, -signal.SIGKILL, at=8.0),
    )
    assert 'rank 1 died first: Signal 9 (SIGKILL)' in text


def test_a_terminated_process_is_not_the_first(tmp_path: Path) -> None:
    text = first(
        failure(tmp_path, 0, -signal.SIGTERM, at=7.6),
        failure(tmp_path, 1, 1, 'ValueError: no such image', at=7.5),
        failure(tmp_path, 2, -signal.SIGKILL, at=37.0),
    )
    assert 'rank 1 died first: ValueError' in text


def test_exit_without_a_report(tmp_path: Path) -> None:
    text = first(failure(tmp_path, 0, 2))
    assert text.endswith('rank 0 died first: it exited with code 2, see above')
