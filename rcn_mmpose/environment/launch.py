"""torchrun with one clear error: ``python -m rcn_mmpose.environment.launch``.

The arguments are torchrun's. tools/dist_train.sh and tools/dist_test.sh call
this module. Differences from torchrun:

- An invalid number of processes or nodes, or a port in use, is an error before
  any process starts.
- One node without ``--master-port`` uses a free port.
- When a process dies, its traceback is printed once, and the last line names
  its rank and its error. torchrun would add its own traceback.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import tempfile

from torch.distributed import DistError
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)

from .script import HINT_VARIABLE, START_AGAIN, ResumeHint

# Exit statuses of processes that Ctrl-C, SIGTERM or SIGHUP stopped.
STOPPED = tuple(
    128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
)


def check_port(port: int) -> None:
    """Check that this machine can listen at a port.

    Args:
        port (int): 1 to 65535.

    Raises:
        ValueError: If the port is in use or cannot be used.
    """
    try:
        with socket.create_server(('', port)):
            pass
    except (OSError, OverflowError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise ValueError(
            f'port {port} cannot be used on this machine: {reason}. Choose '
            'another with PORT=... (dist_*.sh; on one node they find a free port '
            'if PORT is not set) or MASTER_PORT=... (slurm_*.sh).'
        ) from error


def check_arguments(args: argparse.Namespace) -> None:
    """Check arguments for which torchrun would print a long trace or hang.

    Args:
        args (argparse.Namespace): Arguments of torchrun.

    Raises:
        ValueError: If a number is out of range, or the port is in use.
    """
    for value, unit in (
        (args.nproc_per_node, 'processes'),
        (args.nnodes, 'nodes (NNODES)'),
    ):
        if not value.isdigit() or int(value) < 1:
            raise ValueError(f'{value!r} {unit}; give 1 or more.')
    nodes = int(args.nnodes)
    if not 0 <= args.node_rank < nodes:
        raise ValueError(
            f'NODE_RANK={args.node_rank}; give 0 to {nodes - 1} for {nodes} '
            'nodes (NNODES).'
        )
    if args.master_port is not None and args.node_rank == 0:
        check_port(args.master_port)


def root_cause(error: ChildFailedError) -> tuple[int, ProcessFailure]:
    """Find the process that died first.

    torchrun records whole seconds only. The other processes often fail in the same
    second, because they lose their connection.

    Returns:
        tuple: Rank and failure of the process.
    """

    def order(item: tuple[int, ProcessFailure]) -> tuple[bool, float]:
        failure = item[1]
        # torchrun ends the other processes with SIGTERM.
        ended = failure.exitcode in (-signal.SIGTERM, 128 + signal.SIGTERM)
        if os.path.isfile(failure.error_file):
            return ended, os.stat(failure.error_file).st_mtime
        return ended, failure.timestamp - 1  # torchrun notices within a second

    return min(error.failures.items(), key=order)


def describe(rank: int, failure: ProcessFailure) -> str:
    """Return a message about a failed process, with its traceback."""
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
        int: Exit status: 0; 1 after a message to stderr; 130 after Ctrl-C and 143
        after SIGTERM.
    """
    args = torchrun.parse_args(['--nnodes=1', *arguments])
    try:
        check_arguments(args)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    if args.nnodes == '1' and args.master_port is None:
        args.standalone = True
        # Many machines cannot resolve their own name.
        args.local_addr = args.local_addr or '127.0.0.1'
    # torchrun and MMEngine would set these variables too, with long warnings.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    os.environ.setdefault('MKL_NUM_THREADS', '1')
    # torchrun would print a warning for each process that it stops.
    for name in ('agent.server.api', 'multiprocessing.api'):
        logger = logging.getLogger(f'torch.distributed.elastic.{name}')
        logger.setLevel(logging.ERROR)
    handle, hint_file = tempfile.mkstemp(prefix='rcn_mmpose_')
    os.close(handle)
    os.environ[HINT_VARIABLE] = hint_file
    try:
        torchrun.run(args)
    except ChildFailedError as error:
        rank, failure = root_cause(error)
        if failure.exitcode in STOPPED:
            print(f'\n{_hint(hint_file)}', file=sys.stderr)
            return failure.exitcode
        print(describe(rank, failure), file=sys.stderr)
        return 1
    except DistError as error:
        print(
            'error: the nodes cannot reach each other: '
            f'{str(error).splitlines()[0]} Start all nodes, each with the '
            'MASTER_ADDR and PORT of the first node.',
            file=sys.stderr,
        )
        return 1
    except SignalException as stopped:
        print(f'\n{_hint(hint_file)}', file=sys.stderr)
        return 128 + int(stopped.sigval)
    finally:
        del os.environ[HINT_VARIABLE]
        os.unlink(hint_file)
    return 0


def _hint(path: str) -> str:
    """Return the line of rank 0 that says how to continue after a signal."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    return ResumeHint(*json.loads(text)).line() if text else START_AGAIN


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
