"""Run a tool of the project in a separate process; file locks."""

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
    """A row cannot be run now; the message is the reason.

    Args:
        reason (str): The reason in a few words.
        failed (bool): Whether a tool failed; False if data are missing or
            another process runs the row.
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
    """Run a tool to its end; stop the tool if this process is interrupted.

    Args:
        root (str): Folder of the project.
        command (list[str]): Script and config, relative to the project, and
            arguments.
        log (str): File to which command and output are appended.
        lock (TextIO, optional): Lock of :func:`locked` that the tool's
            process also holds.
        watch (Callable): Called every ``poll`` seconds while the tool runs.
        poll (float): Seconds between calls of ``watch``.

    Raises:
        NotRunError: If the tool fails; the message is its last line.
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
            # Ctrl-C reaches this process alone, which then stops the tool.
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                time.sleep(poll)
                watch()
        finally:
            if process.poll() is None:
                # The process group includes the workers of the data loaders.
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
    """Hold a file lock while this process, or a child that gets it, lives.

    Args:
        path (str): File of the lock; created if missing.
        wait (bool): Whether to wait until the lock is free.

    Raises:
        NotRunError: If another process holds the lock and ``wait`` is False.
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
