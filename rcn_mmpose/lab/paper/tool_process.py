"""A tool of the project in a process of its own, and locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import os.path as osp
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO


class NotRunError(Exception):
    """A row cannot be run now; the message is its reason.

    Args:
        reason (str): In a few words.
        failed (bool): Whether something broke, rather than is missing.
    """

    def __init__(self, reason: str, failed: bool = False) -> None:
        super().__init__(reason)
        self.failed = failed


def run_tool(
    root: str,
    command: list[str],
    log: str,
    lock: TextIO | None = None,
    watch: Callable[[], None] = lambda: None,
    poll: float = 1.0,
) -> None:
    """Run a tool to its end; stop it if we are stopped.

    Args:
        root (str): Folder of the project.
        command (list[str]): Script and config, relative to the project, and
            arguments.
        log (str): File to which command and output are added.
        lock (TextIO, optional): What the process must hold, too, from
            :func:`locked`.
        watch (Callable): Called now and then while it runs.
        poll (float): How often, in seconds.

    Raises:
        NotRunError: If it fails, with the last line it said.
    """
    script, config, *arguments = command
    line = [
        sys.executable,
        *(osp.join(root, path) for path in (script, config)),
        *arguments,
    ]
    with open(log, 'a', encoding='utf-8') as file:
        file.write(f'$ {shlex.join(["python", *command])}\n')
        file.flush()
        begin = file.tell()
        process = subprocess.Popen(
            line,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()] if lock else [],
            # an interruption is this process's business
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                time.sleep(poll)
                watch()
        finally:
            if process.poll() is None:
                # with the workers of its data loaders
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise NotRunError(f'ended by {name} ({log})', failed=True)
    if process.returncode:
        with open(log, encoding='utf-8', errors='replace') as file:
            file.seek(begin)
            lines = file.read().split('\n')
        said = [line for line in lines if line.strip()] or ['it died']
        raise NotRunError(f'{said[-1].strip()} ({log})', failed=True)


@contextlib.contextmanager
def locked(path: str, wait: bool = True) -> Iterator[TextIO]:
    """Hold a lock, as long as this process or one it is passed to lives.

    Args:
        path (str): File of the lock, made if needed.
        wait (bool): Until it is free.

    Raises:
        NotRunError: If it is held elsewhere and we do not wait.
    """
    os.makedirs(osp.dirname(path), exist_ok=True)
    with open(path, 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise NotRunError(
                f'another process is at it, in {osp.dirname(path)}'
            ) from None
        yield file
