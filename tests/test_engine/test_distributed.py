"""Two processes on the CPU equal one process; errors of launchers."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import load_tool
from fake_mtfl import make_mtfl
from mmengine.config import Config, ConfigDict

from rcn_mmpose.engine import distributed
from rcn_mmpose.engine.distributed import (
    check_batch,
    check_gpus,
    init_distributed,
)

from .one_rank import gradients, read_config, without_augmentation

FACES = 64


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The data root of 64 training faces."""
    root = tmp_path_factory.mktemp('data')
    make_mtfl(root / 'mtfl', train=FACES + 4)
    load_tool('dataset_converters/mtfl2coco.py').main(
        [
            str(root / 'mtfl'),
            '--out',
            str(root / 'annotations'),
            '--validation',
            '4',
        ]
    )
    return f'{root}/'


@pytest.fixture(scope='module')
def ranks(
    data: str, fresh: Callable, tmp_path_factory: pytest.TempPathFactory
) -> list[dict]:
    """Results of one_rank.py in each of two processes."""
    folder = tmp_path_factory.mktemp('ranks')
    done = fresh(
        '-m',
        'rcn_mmpose.environment.launch',
        '--nproc-per-node=2',
        Path(__file__).with_name('one_rank.py'),
        data,
        folder,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [torch.load(folder / f'rank_{rank}.pt') for rank in (0, 1)]


def test_gradients_of_two_processes_equal_those_of_one(
    ranks: list[dict], data: str
) -> None:
    expected = gradients(without_augmentation(read_config(data)))
    for found in ranks:
        assert found['gradients'].keys() == expected.keys()
        for name, gradient in expected.items():
            assert gradient.abs().max() > 0
            torch.testing.assert_close(
                found['gradients'][name],
                gradient,
                rtol=0,
                atol=1e-10 * gradient.abs().max().item(),
            )


@pytest.mark.parametrize('workers', [0, 2])
def test_ranks_share_the_faces_and_have_different_random_numbers(
    ranks: list[dict], workers: int
) -> None:
    drawn = [found[f'draws_{workers}'] for found in ranks]
    faces = [face for rank in drawn for face, _ in rank]
    assert len(drawn[0]) == len(drawn[1]) == FACES // 2
    assert len(set(faces)) == FACES
    assert len({rotation for rank in drawn for _, rotation in rank}) == FACES


@pytest.mark.parametrize('run', ['straight', 'begun', 'resumed'])
def test_ranks_keep_the_same_weights(ranks: list[dict], run: str) -> None:
    first, second = (found[run] for found in ranks)
    for part in ('before', 'after', 'ema'):
        for name, value in first[part].items():
            assert torch.equal(value, second[part][name]), (part, name)
    name = 'backbone.branches.0.0.conv.weight'
    three = [first[part][name] for part in ('before', 'after', 'ema')]
    assert not torch.equal(three[0], three[1])
    assert not torch.equal(three[1], three[2])
    # SyncBuffersHook averages the buffers 0 and 1.
    assert first['noted'] == second['noted'] == 0.5


def test_a_resumed_training_has_the_same_weights(ranks: list[dict]) -> None:
    straight, resumed = ranks[0]['straight'], ranks[0]['resumed']
    for part in ('after', 'ema'):
        for name, value in straight[part].items():
            assert torch.equal(value, resumed[part][name]), (part, name)


# ------------------------------------------------------- without processes


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The environment without variables of a launcher."""
    names = {'MASTER_ADDR', 'MASTER_PORT'}.union(*distributed.VARIABLES.values())
    for name in names:
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    return os.environ


def start(launcher: str, **changes: object) -> Config:
    cfg = Config(dict(launcher=launcher, **changes))
    init_distributed(cfg)
    return cfg


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list:
    """The requested process groups; no group is created."""
    made = []
    monkeypatch.setattr(
        torch.distributed,
        'init_process_group',
        lambda backend, **options: made.append((backend, options)),
    )
    return made


def test_without_a_launcher_nothing_changes(groups: list) -> None:
    assert start('none').to_dict() == dict(launcher='none')
    assert not groups


def test_slurm_on_one_node(environment: dict, groups: list) -> None:
    environment.update(
        SLURM_PROCID='1',
        SLURM_NTASKS='2',
        SLURM_LOCALID='1',
        SLURM_NNODES='1',
        SLURM_NODELIST='node7',
    )
    cfg = start(
        'slurm',
        env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=60, port=4321)),
        randomness=dict(seed=3),
    )
    found = {k: environment[k] for k in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')}
    assert found == dict(RANK='1', WORLD_SIZE='2', LOCAL_RANK='1')
    assert environment['MASTER_ADDR'] == '127.0.0.1'
    assert environment['MASTER_PORT'] == '4321'
    [(backend, options)] = groups
    assert backend == 'gloo' and options['timeout'].total_seconds() == 60
    assert cfg.randomness == dict(seed=3, diff_rank_seed=True)
    assert cfg.model_wrapper_cfg.device_ids is None


def test_slurm_on_several_nodes(
    environment: dict,
    groups: list,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment.update(
        SLURM_PROCID='9',
        SLURM_NTASKS='16',
        SLURM_LOCALID='1',
        SLURM_NNODES='2',
        SLURM_NODELIST='node[7-8]',
    )
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(ValueError, match='set MASTER_ADDR'):
        start('slurm')
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text(
        '#!/bin/sh\n[ "$*" = "show hostnames node[7-8]" ] && echo node7 && echo node8\n'
    )
    scontrol.chmod(0o755)
    start('slurm')
    assert environment['MASTER_ADDR'] == 'node7'
    assert environment['MASTER_PORT'] == '29500'


def test_settings_of_the_config_are_kept(environment: dict, groups: list) -> None:
    environment.update(RANK='0', WORLD_SIZE='2', LOCAL_RANK='0')
    cfg = start(
        'pytorch',
        randomness=dict(seed=None, diff_rank_seed=False),
        model_wrapper_cfg=dict(type='My', find_unused_parameters=True),
    )
    assert cfg.randomness.diff_rank_seed is False
    assert cfg.model_wrapper_cfg == dict(
        type='My', find_unused_parameters=True, device_ids=None
    )


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_processes_without_a_launcher_are_an_error(
    environment: dict, launcher: str
) -> None:
    variable = distributed.VARIABLES[launcher][0]
    with pytest.raises(ValueError, match=f'needs {variable}, .* Start the'):
        start(launcher)


def test_port_in_use_under_slurm(environment: dict) -> None:
    environment.update(
        SLURM_PROCID='0', SLURM_NTASKS='2', SLURM_LOCALID='0', SLURM_NNODES='1'
    )
    with socket.create_server(('', 0)) as server:
        port = server.getsockname()[1]
        environment['MASTER_PORT'] = str(port)
        with pytest.raises(ValueError, match=f'port {port} cannot .* in use'):
            start('slurm')


def test_more_processes_than_gpus(
    environment: dict, groups: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    environment.update(RANK='0', WORLD_SIZE='4', LOCAL_RANK='0', LOCAL_WORLD_SIZE='4')
    with pytest.raises(
        ValueError, match='4 processes on this node, but 2 visible GPUs'
    ):
        start('pytorch')
    environment.update(WORLD_SIZE='8', LOCAL_WORLD_SIZE='2')
    cfg = start('pytorch')
    assert not groups  # MMEngine creates the group, with NCCL
    assert 'device_ids' not in cfg.model_wrapper_cfg


def test_slurm_may_not_set_the_tasks_per_node(environment: dict) -> None:
    environment.update(LOCAL_RANK='2', WORLD_SIZE='4')
    with pytest.raises(ValueError, match='3 processes .* 2 visible'):
        check_gpus('slurm', 2)
    # This run uses fewer tasks than the default of the job.
    environment.update(LOCAL_RANK='0', WORLD_SIZE='1', SLURM_NTASKS_PER_NODE='8')
    check_gpus('slurm', 1)


def batches(batch_size: int, accumulative_counts: int = 1, **rule: object) -> Config:
    return ConfigDict(
        train_dataloader=dict(batch_size=batch_size),
        optim_wrapper=dict(accumulative_counts=accumulative_counts),
        auto_scale_lr=rule,
    )


def test_warning_of_a_large_batch() -> None:
    assert check_batch(batches(2, base_batch_size=16), 8) == ''
    assert check_batch(batches(64), 8) == ''  # no base_batch_size
    text = check_batch(batches(16, base_batch_size=16), 8)
    assert 'takes 128 faces' in text and '8 times fewer updates' in text
    assert '--auto-scale-lr' in text and 'batch_size=2' in text
    text = check_batch(batches(8, 2, base_batch_size=16, enable=True), 8)
    assert 'takes 128 faces' in text and '--auto-scale-lr' not in text
    assert 'batch_size=1' in text
    text = check_batch(batches(1, 4, base_batch_size=16), 8)
    assert 'takes 32 faces' in text and 'batch_size=' not in text


def test_the_error_of_a_killed_worker_says_how_to_fix_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv('TORCHELASTIC_ERROR_FILE', raising=False)
    killed = 'DataLoader worker (pid 7) is killed by signal: Killed. '

    @distributed.entry_point
    def main() -> None:
        raise RuntimeError(killed)

    with pytest.raises(RuntimeError, match=r'Killed\. .*num_workers.*--resume'):
        main()

    @distributed.entry_point
    def other() -> None:
        raise RuntimeError('another')

    with pytest.raises(RuntimeError, match='^another$'):
        other()
