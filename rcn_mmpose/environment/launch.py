"""torchrun with one clear error: ``python -m rcn_mmpose.environment.launch``.

Takes torchrun's arguments. tools/dist_train.sh and tools/dist_test.sh call
it. What it adds:

- Bad numbers of processes or nodes and a port in use are refused before
  anything is started.
- One node without ``--master-port`` takes a free port.
- When a process dies, its traceback is shown once and the last line names
  its rank and its error, where torchrun ends with a trace of its own.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys

from torch.distributed import DistError
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)


def check_port(port: int) -> None:
    """Raise an error if this machine already listens at a port.

    Args:
        port (int): 1 to 65535.

    Raises:
        ValueError: If it is in use or cannot be used.
    """
    try:
        with socket.create_server(('', port)):
            pass
    except (OSError, OverflowError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise ValueError(
            f'port {port} cannot be used on this machine: {reason}. Choose '
            'another with PORT=... (dist_*.sh, which find a free one on one '
            'node if PORT is not set) or MASTER_PORT=... (slurm_*.sh).'
        ) from error


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse what torchrun would end in a long trace, or in waiting.

    Args:
        args (argparse.Namespace): Arguments of torchrun.

    Raises:
        ValueError: If a number is out of its range, or the port is in use.
    """
    for value, what in (
        (args.nproc_per_node, 'processes'),
        (args.nnodes, 'nodes (NNODES)'),
    ):
        if not value.isdigit() or int(value) < 1:
            raise ValueError(f'{value!r} {what}; give a number from 1 on.')
    nodes = int(args.nnodes)
    if not 0 <= args.node_rank < nodes:
        raise ValueError(
            f'NODE_RANK={args.node_rank}, but the {nodes} nodes (NNODES) '
            f'count from 0 to {nodes - 1}.'
        )
    if args.master_port is not None and args.node_rank == 0:
        check_port(args.master_port)


def root_cause(error: ChildFailedError) -> tuple[int, ProcessFailure]:
    """Find the process that died first.

    torchrun counts in whole seconds, in which the others have often died of
    the lost connection, too.

    Returns:
        tuple: Its rank and what is known of it.
    """

    def order(item: tuple[int, ProcessFailure]) -> tuple[bool, float]:
        failure = item[1]
        ended = failure.exitcode == -signal.SIGTERM  # by torchrun
        if os.path.isfile(failure.error_file):
            return ended, os.stat(failure.error_file).st_mtime
        return ended, failure.timestamp - 1  # seen within a second

    return min(error.failures.items(), key=order)


def describe(rank: int, failure: ProcessFailure) -> str:
    """Put the death of a process into words, with its traceback."""
    message, trace = failure.message, ''
    if isinstance(message, dict):
        trace = message.get('extraInfo', {}).get('py_callstack', '')
        message = message['message']
    elif failure.exitcode > 0:
        message = f'it exited with code {failure.exitcode}, see above'
    return f'{trace}error: the process of rank {rank} died first: {message}'


def main(arguments: list[str]) -> int:
    """Run the processes.

    Args:
        arguments (list[str]): Arguments of torchrun.

    Returns:
        int: Exit code: 0, or 1 after a message to stderr.
    """
    args = torchrun.parse_args(['--nnodes=1', *arguments])
    try:
        check_arguments(args)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    if args.nnodes == '1' and args.master_port is None:
        args.standalone = True
        # the name of a machine is often not known to itself
        args.local_addr = args.local_addr or '127.0.0.1'
    # torchrun and MMEngine set these too, but say so in many lines
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    os.environ.setdefault('MKL_NUM_THREADS', '1')
    try:
        torchrun.run(args)
    except ChildFailedError as error:
        print(describe(*root_cause(error)), file=sys.stderr)
        return 1
    except DistError as error:
        print(
            'error: the nodes do not find each other: '
            f'{str(error).splitlines()[0]} Start all of them, each with the '
            'MASTER_ADDR and PORT of the first.',
            file=sys.stderr,
        )
        return 1
    except SignalException as stopped:
        name = signal.Signals(stopped.sigval).name
        print(f'error: stopped by {name}.', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
