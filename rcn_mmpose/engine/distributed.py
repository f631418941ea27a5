"""Set up a distributed run before MMEngine's runner starts.

MMEngine (0.10) cannot run several processes without a GPU: it sets a CUDA device
and passes the device to DistributedDataParallel. On a CPU this module creates the
process group first, with the gloo backend, and the runner keeps this group. With
GPUs this module only checks that there are enough GPUs; MMEngine does the rest.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed
import torch.nn as nn
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import MMDistributedDataParallel
from torch.distributed.elastic.multiprocessing.errors import record

from ..environment.launch import check_port
from ..environment.script import (
    HINT_VARIABLE,
    START_AGAIN,
    exit_interrupted,
    interruption,
    raise_on_signals,
)

# Environment variables of each launcher: the rank, the number of processes, the
# rank on the node and the number of processes on the node.
VARIABLES = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE'),
    slurm=(
        'SLURM_PROCID',
        'SLURM_NTASKS',
        'SLURM_LOCALID',
        'SLURM_NTASKS_PER_NODE',
    ),
    mpi=(
        'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_SIZE',
        'OMPI_COMM_WORLD_LOCAL_RANK',
        'OMPI_COMM_WORLD_LOCAL_SIZE',
    ),
)
DEFAULT_PORT = 29500  # MMEngine's and PyTorch's


class DistributedModel(MMDistributedDataParallel):
    """MMEngine's distributed wrapper for a model in channels-last memory format.

    PyTorch (2.13) gives its gradient buffers the memory format that the weights
    have when the wrapper is created. If ``ChannelsLastHook`` changed the format
    afterwards, the gradients of the first step would be wrong. This wrapper
    therefore converts the weights first.

    Args:
        module (nn.Module): The model.
        **kwargs: As ``MMDistributedDataParallel``.
    """

    def __init__(self, module: nn.Module, **kwargs: Any) -> None:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the types of PyTorch
        super().__init__(module, **kwargs)


def init_distributed(cfg: Config) -> None:
    """Prepare a distributed run; do nothing if the launcher is ``'none'``.

    The function copies the launcher's environment variables to PyTorch's
    variables. On a CPU it also creates the process group and adapts the config.
    Random numbers differ between the processes, unless the ``randomness`` of the
    config says otherwise. Initial weights are equal: MMEngine sends the weights of
    rank 0 to all processes.

    Args:
        cfg (Config): Config of the experiment, with ``launcher``; may be changed.

    Raises:
        ValueError: If another launcher started the processes, the address of the
            first node is unknown, there are too few GPUs, or the port is in use.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none':
        return
    dist_cfg = cfg.get('env_cfg', {}).get('dist_cfg', {})
    _set_environment(launcher, dist_cfg.get('port'))
    # Loaders without workers would draw the same jitter on all ranks.
    if cfg.get('randomness') is None:
        cfg.randomness = dict(seed=None)
    cfg.randomness.setdefault('diff_rank_seed', True)
    if cfg.get('model_wrapper_cfg') is None:  # the runner's defaults
        cfg.model_wrapper_cfg = dict(
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    cfg.model_wrapper_cfg.setdefault('type', f'{__name__}.DistributedModel')
    device = get_device()
    if device == 'cuda':
        check_gpus(launcher, torch.cuda.device_count())
    elif device == 'cpu':
        cfg.model_wrapper_cfg.device_ids = None
        timeout = dist_cfg.get('timeout')
        torch.distributed.init_process_group(
            'gloo', timeout=timeout and timedelta(seconds=timeout)
        )


def check_gpus(launcher: str, gpus: int) -> None:
    """Raise an error if this node has more processes than GPUs.

    Args:
        launcher (str): ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        gpus (int): Number of GPUs that this process can use.

    Raises:
        ValueError: If there are too few GPUs. The error names both numbers.
    """
    # Slurm may not set the number of tasks per node, or may set the default of the
    # whole job.
    least = int(os.environ['LOCAL_RANK']) + 1
    count = int(os.environ.get(VARIABLES[launcher][-1], least))
    processes = max(least, min(count, int(os.environ['WORLD_SIZE'])))
    if processes > gpus:
        raise ValueError(
            f'{processes} processes on this node, but {gpus} visible '
            f'GPU{"s" * (gpus != 1)}, and each process needs one. Start at '
            f'most {gpus}, or set CUDA_VISIBLE_DEVICES=-1 to run on the CPU.'
        )


def check_batch(cfg: Config, processes: int) -> str:
    """Compare the number of faces per update with the base batch size of the config.

    Args:
        cfg (Config): Config of the experiment.
        processes (int): Number of processes on all nodes.

    Returns:
        str: A warning, or an empty string if the batch is not larger.
    """
    rule = cfg.get('auto_scale_lr') or {}
    base = rule.get('base_batch_size')
    batch = cfg.train_dataloader.get('batch_size')
    if not base or not batch:
        return ''
    steps = cfg.optim_wrapper.get('accumulative_counts', 1)
    total = processes * batch * steps
    if total <= base:
        return ''
    text = (
        f'An update takes {total} faces ({processes} processes x batch_size '
        f'{batch} x {steps} accumulated), but the config is made for {base}: '
        f'an epoch has {total / base:.3g} times fewer updates'
    )
    if not rule.get('enable'):
        text += ', and the learning rate is not scaled (--auto-scale-lr)'
    share = base // (processes * steps)
    if share:
        text += f'. train_dataloader.batch_size={share} keeps both'
    return text + '.'


def _set_environment(launcher: str, port: int | None) -> None:
    """Set PyTorch's environment variables from those of the launcher."""
    names = VARIABLES[launcher][:3]
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ValueError(
            f'--launcher {launcher} needs {", ".join(missing)} in the '
            'environment. Start the processes with dist_train.sh or '
            'dist_test.sh (pytorch), slurm_train.sh or slurm_test.sh (slurm) or '
            'mpirun (mpi), or omit --launcher.'
        )
    if launcher == 'pytorch':
        return
    for name, source in zip(VARIABLES['pytorch'], names, strict=False):
        os.environ[name] = os.environ[source]
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_node(launcher)
    if port is not None:
        os.environ['MASTER_PORT'] = str(port)
    os.environ.setdefault('MASTER_PORT', str(DEFAULT_PORT))
    # torchrun has checked the port and listens at it already.
    if os.environ['RANK'] == '0':
        check_port(int(os.environ['MASTER_PORT']))


def _first_node(launcher: str) -> str:
    """Return the address of the node of rank 0."""
    if launcher == 'slurm':
        if os.environ.get('SLURM_NNODES') == '1':
            return '127.0.0.1'
        nodes = os.environ.get('SLURM_NODELIST', '')
        try:
            return subprocess.run(
                ['scontrol', 'show', 'hostnames', nodes],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()[0]
        except (OSError, subprocess.SubprocessError, IndexError):
            pass
    raise ValueError(
        'the address of the first node is unknown; set MASTER_ADDR to the '
        'name of that node, for example MASTER_ADDR=127.0.0.1 on one node.'
    )


def is_first_rank() -> bool:
    """Whether this process has rank 0, or is the only process.

    Unlike MMEngine's function, this function works before the processes connect.
    """
    names = ('RANK', *(VARIABLES[name][0] for name in ('slurm', 'mpi')))
    return next((os.environ[x] for x in names if x in os.environ), '0') == '0'


def entry_point(main: Callable[[], None]) -> Callable[[], None]:
    """Decorate the main function of a tool that may run in several processes.

    Under torchrun, an error is written to a file that torchrun reads, so that each
    error is printed only once. Otherwise the error is raised. After Ctrl-C or
    SIGTERM, rank 0 or its launcher prints one line, and the exit status is 130 or
    143.
    """

    @functools.wraps(main)
    def run() -> None:
        raise_on_signals()
        try:
            record(_with_cures)(main)
        except (Exception, KeyboardInterrupt) as error:
            if stopped := interruption(error):
                silent = HINT_VARIABLE in os.environ or not is_first_rank()
                exit_interrupted(stopped, '' if silent else START_AGAIN)
            if 'TORCHELASTIC_ERROR_FILE' not in os.environ:
                raise
            sys.exit(1)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    return run


def _with_cures(main: Callable[[], None]) -> None:
    """Run a function; extend PyTorch's error about a dead loader process."""
    try:
        main()
    except RuntimeError as error:
        if 'DataLoader worker' not in str(error):
            raise
        raise RuntimeError(
            f'{str(error).strip()} The usual reason is that the memory is full: '
            'reduce num_workers of the data loader, and resume a training with '
            '--resume.'
        ) from error
