"""Ctrl-C and SIGTERM in a training, in one and in two processes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SETTINGS = [
    'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=1',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'train_cfg.max_epochs=5000',
]


def interrupt(
    command: list[str], folder: Path, started: Path, number: int, terminal: bool
) -> tuple[int, str]:
    """Start a command and stop it with a signal when a file exists.

    Args:
        terminal: Whether all processes get the signal, as for Ctrl-C in a terminal.

    Returns:
        The exit status, and the text on stderr.
    """
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    project = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(os.environ, OMP_NUM_THREADS='1', PATH=path, PYTHONPATH=str(project)),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            end = time.monotonic() + 120
            while not started.exists():
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
            (os.killpg if terminal else os.kill)(process.pid, number)
            err = process.communicate(timeout=60)[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, err


@pytest.mark.parametrize('processes', [1, 2])
@pytest.mark.parametrize(
    ('number', 'terminal', 'status'),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)],
)
def test_a_training_says_how_to_resume(
    processes: int,
    number: int,
    terminal: bool,
    status: int,
    root: Path,
    converted: Path,
    tmp_path: Path,
) -> None:
    config, work = str(root / 'configs' / 'rcn_aflw.py'), tmp_path / 'work'
    if processes == 1:
        script = ['python', str(root / 'tools' / 'train.py'), config]
    else:
        script = [str(root / 'tools' / 'dist_train.sh'), config, '2']
    command = [
        *script,
        '--cfg-options',
        *SETTINGS,
        *(f'{x}_dataloader.dataset.data_root={converted}/' for x in ('train', 'val')),
        '--work-dir',
        str(work),
    ]
    found, err = interrupt(command, tmp_path, work / 'epoch_2.pth', number, terminal)
    assert found == status, err
    assert 'Traceback' not in err
    expected = shlex.join([*command, '--resume'])
    assert err.splitlines()[-1] == f'interrupted; resume with: {expected}'


def test_interruption_before_the_first_checkpoint(
    root: Path, converted: Path, tmp_path: Path
) -> None:
    work = tmp_path / 'work'
    command = [
        'python',
        str(root / 'tools' / 'train.py'),
        str(root / 'configs' / 'rcn_aflw.py'),
        '--work-dir',
        str(work),
        '--cfg-options',
        *SETTINGS,
        *(f'{x}_dataloader.dataset.data_root={converted}/' for x in ('train', 'val')),
        'default_hooks.checkpoint.interval=5000',
        'default_hooks.checkpoint.save_best=None',
    ]
    found, err = interrupt(command, tmp_path, work, signal.SIGINT, False)
    assert found == 130, err
    assert err.splitlines()[-1] == (
        f'interrupted before the first checkpoint; start again with: '
        f'{shlex.join(command)}'
    )


def test_rendering_resumes_by_the_same_command(root: Path, tmp_path: Path) -> None:
    out = tmp_path / 'faces'
    command = [
        'python',
        *(str(root / 'tools' / 'render_faces.py'), '--out', str(out)),
        *('--train', '2000', '--val', '0', '--test', '0', '--workers', '2'),
    ]
    image = out / 'images' / 'train' / '000001.jpg'
    found, err = interrupt(command, tmp_path, image, signal.SIGINT, True)
    assert found == 130, err
    assert err.splitlines()[-1] == 'interrupted; resume with the same command'
