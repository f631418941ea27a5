"""Tests of the scripts that start several processes, with two on the CPU."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SETTINGS = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'model.backbone.num_branches=4',
]
# A stub that records its arguments and starts the processes as Slurm does on one node.
SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" > srun.txt
while [ "$1" != python ]; do
    case $1 in --ntasks=*) tasks=${1#*=};; esac
    shift
done
[ -z "$NOT_RUN" ] || exit 0
for ((i = 0; i < tasks; i++)); do
    SLURM_PROCID=$i SLURM_LOCALID=$i SLURM_NTASKS=$tasks SLURM_NNODES=1 \\
        SLURM_NODELIST=node7 "$@" & processes[i]=$!
done
code=0
for process in "${processes[@]}"; do wait "$process" || code=1; done
exit $code
"""


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """A function that starts tools/<name>.sh in a folder with a stub of srun."""
    started = []
    folder = tmp_path / 'run'
    folder.mkdir()
    (folder / 'srun').write_text(SRUN)
    (folder / 'srun').chmod(0o755)
    path = f'{folder}:{Path(sys.executable).parent}:{os.environ["PATH"]}'

    def run(name: str, *arguments: object, **environment: object) -> subprocess.Popen:
        environ = dict(os.environ, OMP_NUM_THREADS='1', PATH=path)
        environ.update({k: str(v) for k, v in environment.items()})
        process = subprocess.Popen(
            [root / 'tools' / f'{name}.sh', *map(str, arguments)],
            cwd=folder,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:  # the test has failed
            process.terminate()
            process.communicate()


@pytest.fixture
def settings(converted: Path) -> list[str]:
    """Options for the tiny dataset."""
    sets = [
        f'{part}_dataloader.dataset.data_root={converted}/'
        for part in ('train', 'val', 'test')
    ]
    return ['--cfg-options', *SETTINGS, *sets]


def finish(process: subprocess.Popen) -> str:
    """Wait for success; return all output."""
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return out + err


def last_line(process: subprocess.Popen) -> str:
    """Wait for an error; return the last line of stderr."""
    err = process.communicate()[1]
    assert process.returncode != 0
    return err.strip().splitlines()[-1]


def free_port() -> int:
    with socket.create_server(('', 0)) as server:
        return server.getsockname()[1]


def test_train_resume_and_test(
    start: Callable,
    root: Path,
    fresh: Callable,
    settings: list[str],
    tmp_path: Path,
) -> None:
    config, work = root / 'configs' / 'rcn_aflw.py', tmp_path / 'work'
    log = finish(
        start(
            *('dist_train', config, 2, '--amp', '--work-dir', work),
            *settings,
            'train_cfg.max_epochs=1',
            'auto_scale_lr.base_batch_size=4',
        )
    )
    assert 'Distributed training: True' in log and 'GPU number: 2' in log
    assert 'An update takes 8 faces (2 processes x batch_size 4' in log
    assert len(list(work.glob('best_*_epoch_1.pth'))) == 1

    log = finish(
        start(
            *('slurm_train', 'part', 'job', config, work, '--resume'),
            *settings,
            'train_cfg.max_epochs=2',
            GPUS=2,
            GRES='',
            SRUN_ARGS='--exclusive --quiet',
            PY_ARGS='optim_wrapper.type=OptimWrapper',
            MASTER_PORT=free_port(),
        )
    )
    assert 'resumed epoch: 1' in log
    assert (work / 'epoch_2.pth').is_file()
    called = (tmp_path / 'run' / 'srun.txt').read_text().split('\n')
    assert called[: called.index('python')] == [
        *('-p', 'part', '--job-name=job', '--ntasks=2'),
        *('--ntasks-per-node=2', '--cpus-per-task=5', '--kill-on-bad-exit=1'),
        *('--exclusive', '--quiet'),
    ]
    assert called[-2] == 'optim_wrapper.type=OptimWrapper'

    # Two nodes with one process each. Three faces give them different numbers of faces.
    test = (config, work / 'epoch_2.pth')
    out = [tmp_path / f'out_{count}.json' for count in (1, 2)]
    settings += ['test_dataloader.dataset.indices=3']
    nodes = [
        start(
            *('dist_test', *test, 1, '--out', out[1]),
            *settings,
            NNODES=2,
            NODE_RANK=rank,
            PORT=port,
        )
        for port in [free_port()]
        for rank in (0, 1)
    ]
    for node in nodes:
        finish(node)
    tool = root / 'tools' / 'test.py'
    done = fresh(tool, *test, '--out', out[0], *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one, two = (json.loads(path.read_text()) for path in out)
    assert one == two  # exactly
    assert max(one.values()) > 0


def test_slurm_test_on_two_nodes(start: Callable, tmp_path: Path) -> None:
    process = start(
        *('slurm_test', 'part', 'job', 'my config.py', 'x.pth', '--out', 'o'),
        GPUS=16,
        CPUS_PER_TASK=3,
        NOT_RUN=1,
    )
    finish(process)
    called = (tmp_path / 'run' / 'srun.txt').read_text().splitlines()
    at = called.index('python')
    assert called[:at] == [
        *('-p', 'part', '--job-name=job', '--gres=gpu:8', '--ntasks=16'),
        *('--ntasks-per-node=8', '--cpus-per-task=3', '--kill-on-bad-exit=1'),
    ]
    assert called[at + 1] == '-u' and called[at + 2].endswith('tools/test.py')
    assert called[at + 3 :] == [
        *('my config.py', 'x.pth', '--launcher=slurm', '--out', 'o'),
    ]


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('dist_train', ['config.py']),
        ('dist_test', ['config.py', '2']),
        ('slurm_train', ['part', 'job', 'config.py']),
        ('slurm_test', ['part', 'job', 'config.py']),
    ],
)
def test_too_few_arguments(start: Callable, name: str, arguments: list[str]) -> None:
    line = last_line(start(name, *arguments))
    assert line.startswith('error: usage: ') and f'{name}.sh' in line


def test_port_in_use(start: Callable) -> None:
    with socket.create_server(('', 0)) as server:
        port = server.getsockname()[1]
        line = last_line(start('dist_train', 'config.py', 2, PORT=port))
    assert line.startswith(f'error: port {port} cannot be used')


def test_a_rank_fails_at_the_start(start: Callable, root: Path, tmp_path: Path) -> None:
    # Rank 0 waits until the other rank joins the group.
    (tmp_path / 'dies.py').write_text(
        'import os\n'
        'if os.environ["RANK"] == "1":\n'
        '    raise OSError("the disk of this node is full")\n'
    )
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {str(root / "configs" / "rcn_aflw.py")!r}\n'
        'custom_imports = dict(imports=["rcn_mmpose.registry", "dies"])\n'
    )
    process = start('dist_train', config, 2, PYTHONPATH=tmp_path)
    err = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert err.strip().splitlines()[-1] == (
        'error: the process of rank 1 died first: OSError: the disk of this '
        'node is full'
    )
    assert err.count('Traceback') == 1
