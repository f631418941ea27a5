"""Training, resuming and testing, each in a separate process."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

SMALL = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
]


def last_line(done: subprocess.CompletedProcess) -> str:
    """The last line of stderr."""
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def tool(
    root: Path, converted: Path, fresh: Callable
) -> Callable[..., subprocess.CompletedProcess]:
    """A function that runs tools/<name>.py on the tiny dataset."""

    def run(
        name: str, *arguments: object, options: tuple = (), check: bool = True
    ) -> subprocess.CompletedProcess:
        sets = [
            f'{part}_dataloader.dataset.data_root={converted}/'
            for part in ('train', 'val', 'test')
        ]
        done = fresh(
            root / 'tools' / f'{name}.py',
            *arguments,
            '--cfg-options',
            *SMALL,
            *sets,
            *options,
            cwd=converted,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def test_train_resume_and_test(tool: Callable, root: Path, tmp_path: Path) -> None:
    config = root / 'configs' / 'rcn_aflw.py'
    work = tmp_path / 'work'
    tool(
        'train',
        config,
        '--amp',
        '--work-dir',
        work,
        options=('train_cfg.max_epochs=1',),
    )
    assert (work / 'epoch_1.pth').is_file()
    assert (work / 'best_NME_pixels_eye_points_epoch_1.pth').is_file()
    assert list(work.rglob('events.out.tfevents.*'))

    done = tool(
        'train',
        config,
        '--resume',
        '--auto-scale-lr',
        '--work-dir',
        work,
        options=('train_cfg.max_epochs=2', 'load_from=not_asked_for.pth'),
    )
    assert 'resumed epoch: 1' in done.stdout + done.stderr
    last = work / 'epoch_2.pth'
    trained = torch.load(last, weights_only=False)
    assert trained['meta']['epoch'] == 2

    # Without a checkpoint to resume, --resume starts from load_from.
    tool(
        'train',
        config,
        '--resume',
        '--work-dir',
        tmp_path / 'next',
        options=(
            'train_cfg.max_epochs=1',
            f'load_from={last}',
            'optim_wrapper.optimizer.lr=0',
            'param_scheduler.1.eta_min=0',
        ),
    )
    same = torch.load(tmp_path / 'next' / 'epoch_1.pth', weights_only=False)
    assert same['meta']['epoch'] == 1
    for name, value in trained['state_dict'].items():
        assert torch.equal(same['state_dict'][name], value), name

    best = next(work.glob('best_NME_pixels_eye_points_epoch_*.pth'))
    out, dump = tmp_path / 'out.json', tmp_path / 'all.pkl'
    done = tool(
        'test',
        config,
        best,
        '--work-dir',
        tmp_path / 'test',
        '--out',
        out,
        '--dump',
        dump,
        '--show-dir',
        'drawn',
    )
    log = done.stdout + done.stderr
    assert 'aflw5 (aflw5_test): evaluated 4 of 4 faces listed' in log
    # The table comes last, without a row for each keypoint.
    table = (done.stdout + done.stderr).split('errors in percent\n')
    assert len(table) == 2
    assert table[1].split()[:4] == ['faces', 'keypoints', 'normaliser', 'protocol']
    assert 'nose_tip' not in log
    assert 'NME_cells_eye_points: ' in log and 'AUC8_cells_box' not in log
    metrics = json.loads(out.read_text())
    assert {
        'NME_cells_eye_points',
        'NME_pixels_box',
        'AUC8_cells_box',
        'FR10_pixels_eye_points_frontal',
        'NME_pixels_eye_points_nose_tip',
    } <= set(metrics)
    assert 0 < metrics['NME_cells_eye_points'] < 1000
    (errors,) = (tmp_path / 'test').rglob('errors.csv')
    assert len(errors.read_text().splitlines()) == 1 + 4
    (written,) = (tmp_path / 'test').glob('2*/2*.json')
    assert set(metrics) <= set(json.loads(written.read_text()))
    assert len(pickle.loads(dump.read_bytes())) == 4
    assert len(list((tmp_path / 'test').rglob('drawn/*.png'))) == 4


@pytest.mark.parametrize('path', [(), ('--device-data',)])
def test_a_resumed_training_is_deterministic(
    tool: Callable, root: Path, converted: Path, tmp_path: Path, path: tuple
) -> None:
    config = root / 'configs' / 'rcn_aflw.py'

    def train(work: str, epochs: int, *arguments: str) -> dict:
        tool(
            'train',
            config,
            *path,
            *arguments,
            '--work-dir',
            tmp_path / work,
            options=(f'train_cfg.max_epochs={epochs}',),
        )
        last = torch.load(tmp_path / work / f'epoch_{epochs}.pth', weights_only=False)
        return last['state_dict']

    first = tmp_path / 'straight' / 'epoch_1.pth'
    straight = train('straight', 2)
    best = set(first.parent.glob('best_*'))
    cached = list(converted.glob('cache/crops_mtfl_train_*/crops.npy'))
    assert cached or not path
    half = torch.load(first, weights_only=False)['state_dict']
    whole = train('halves', 2, '--resume', str(first))
    assert set(first.parent.glob('best_*')) == best
    assert any(not torch.equal(half[k], whole[k]) for k in half)
    for name, value in straight.items():
        assert torch.equal(value, whole[name]), name


def test_killed_training_resumes(
    tool: Callable, root: Path, converted: Path, tmp_path: Path
) -> None:
    config = root / 'configs' / 'paper' / 'aflw_rcn_6.py'
    work = tmp_path / 'work'
    options = ('train_cfg.max_epochs=500', f'work_dir={work}')
    sets = [
        f'{p}_dataloader.dataset.data_root={converted}/'
        for p in ('train', 'val', 'test')
    ]
    with subprocess.Popen(
        [
            sys.executable,
            str(root / 'tools' / 'train.py'),
            str(config),
            '--cfg-options',
            *SMALL,
            *sets,
            *options,
        ],
        cwd=converted,
        env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(root)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 60
        while not (work / 'epoch_2.pth').is_file():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    reached = int((work / 'last_checkpoint').read_text().split('_')[-1][:-4])
    done = tool(
        'train',
        config,
        '--resume',
        options=(f'train_cfg.max_epochs={reached + 1}', f'work_dir={work}'),
    )
    assert f'resumed epoch: {reached}' in done.stdout + done.stderr
    assert (work / f'epoch_{reached + 1}.pth').is_file()


def test_errors(tool: Callable, root: Path, tmp_path: Path) -> None:
    config = root / 'configs' / 'rcn_aflw.py'

    def fails(name: str, *arguments: object, options: tuple = ()) -> str:
        done = tool(name, *arguments, options=options, check=False)
        assert done.returncode != 0
        return last_line(done)

    foreign = tmp_path / 'foreign.pth'
    torch.save(dict(state_dict={'backbone.x': torch.zeros(1)}), foreign)
    message = fails('test', config, foreign)
    assert 'belongs to another architecture' in message
    assert 'backbone.x is unknown' in message
    message = fails('test', config, tmp_path / 'none.pth')
    assert "none.pth' does not exist" in message
    message = fails('train', config, options=('model.backbone.num_branchs=5',))
    assert "'num_branchs'" in message and "'num_branches'" in message
    message = fails(
        'train', config, options=('train_dataloader.dataset.data_root=no/',)
    )
    assert "'no/annotations/mtfl_train.json' does not exist" in message
    assert 'mtfl2coco.py' in message


def test_corrupt_image_while_training(
    tool: Callable, root: Path, converted: Path
) -> None:
    for image in (converted / 'mtfl' / 'lfw_5590').iterdir():
        image.write_bytes(b'no image')
    done = tool('train', root / 'configs' / 'rcn_aflw.py', check=False)
    assert done.returncode != 0
    message = last_line(done)
    assert 'lfw_5590/face_' in message and 'corrupt' in message


def test_invalid_input_size(tool: Callable, root: Path) -> None:
    # The codec, the crop and the decoder of the head all have 90 px.
    config = root / 'configs' / 'rcn_aflw.py'
    size = '(90,90)'
    done = tool(
        'train',
        config,
        check=False,
        options=(
            f'train_dataloader.dataset.pipeline.3.input_size={size}',
            f'train_dataloader.dataset.pipeline.5.encoder.input_size={size}',
            f'model.head.decoder.input_size={size}',
        ),
    )
    message = last_line(done)
    assert 'side of 90 px has no pyramid of 6 levels' in message
    assert '96 or 80 px' in message or '80 or 96 px' in message
