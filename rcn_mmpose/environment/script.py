"""The last line of a script: a clear error, or how to continue after a signal."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from io import TextIOWrapper
from types import FrameType
from typing import Any, NamedTuple, NoReturn

# `make demo` sets this variable to its own name.
RESUME_VARIABLE = 'RCN_MMPOSE_RESUME'
# A launcher of several processes names a file to which rank 0 writes its hint.
HINT_VARIABLE = 'RCN_MMPOSE_HINT_FILE'
START_AGAIN = 'interrupted; the same command starts again'
RESUME_SAME = 'interrupted; resume with the same command'
SIGNALS = tuple(
    getattr(signal, name)
    for name in ('SIGINT', 'SIGTERM', 'SIGHUP')
    if hasattr(signal, name)
)
# A terminal and a launcher can send the same signal. Signals within this time, in
# seconds, count once.
REPEATED = 2.0

# For str.translate: the names in a file may hold characters that drive a terminal, and
# marks that turn the direction of a text.
CONTROLS = {
    code: f'\\x{code:02x}' if code < 256 else f'\\u{code:04x}'
    for code in (
        *range(32),
        *range(127, 160),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
    if chr(code) not in '\n\t'
}

_received: list[Interrupted] = []  # signals that this process received


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to stop.

    Args:
        number (int): Number of the signal.
        time (float): Time of the signal, by ``time.monotonic``.
    """

    def __init__(self, number: int, time: float = 0.0) -> None:
        super().__init__(number)
        self.number = number
        self.time = time

    @property
    def exit_status(self) -> int:
        """The exit status of a shell: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.number


class ResumeHint(NamedTuple):
    """How to continue a training after a signal.

    Attributes:
        work_dir (str): Folder of the checkpoints.
        again (str): The command that starts the training from the beginning.
        resume (str): The command that resumes the training from a checkpoint.
    """

    work_dir: str
    again: str
    resume: str

    def line(self) -> str:
        """Return the line for the user."""
        if os.path.isfile(os.path.join(self.work_dir, 'last_checkpoint')):
            return f'interrupted; resume with: {self.resume}'
        return (
            f'interrupted before the first checkpoint; start again with: {self.again}'
        )


def interruption(error: BaseException) -> KeyboardInterrupt | None:
    """Return the signal that an error comes from, or None.

    The processes of a data loader, and other ranks, often get the same signal. When
    they end, this process may get a RuntimeError instead of the interruption.

    Args:
        error (BaseException): The exception that a main function raised.
    """
    if isinstance(error, KeyboardInterrupt):
        return error
    return _received[-1] if _received else None


def raise_on_signals() -> None:
    """Raise :class:`Interrupted` in this process on SIGINT, SIGTERM and SIGHUP.

    A signal that the parent process ignores stays ignored, as ``nohup`` needs. A
    forked child process, such as a worker of a data loader, behaves as usual in
    Python: SIGINT raises KeyboardInterrupt, and the other signals end the process.
    """
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        now = time.monotonic()
        if not _received or now > _received[-1].time + REPEATED:
            _received.append(Interrupted(number, now))
            raise _received[-1]

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def exit_interrupted(stopped: KeyboardInterrupt, hint: str = '') -> NoReturn:
    """End the process with one line on stderr and the exit status of the signal.

    Args:
        stopped (KeyboardInterrupt): The interruption that stopped the script.
        hint (str): How to continue. An empty hint prints nothing.
    """
    for number in SIGNALS:  # No signal interrupts the exit.
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, 'SIGCHLD'):
        # The handler of PyTorch raises an error when a worker process is stopped.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.environ.get(RESUME_VARIABLE)
    if hint and command:
        hint = f'interrupted; resume with: {command}'
    if hint:
        print(f'\n{hint}', file=sys.stderr, flush=True)
    status = stopped.exit_status if isinstance(stopped, Interrupted) else 130
    sys.exit(status)


def run_script(
    main: Callable[..., int | None],
    *arguments: Any,
    errors: tuple[type[Exception], ...] = (),
    hint: str = START_AGAIN,
) -> NoReturn:
    """Run the main function of a script and end the process.

    The exit status is the result of ``main``, 1 after an error, or that of the
    signal: 130 after Ctrl-C, 143 after SIGTERM.

    Args:
        main (Callable): The main function; None and 0 mean success.
        *arguments (Any): Its arguments.
        errors (tuple): Exceptions that end in one line without a traceback,
            besides ValueError and OSError.
        hint (str): The line after a signal.
    """
    raise_on_signals()
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == 'strict':
        # A name that the terminal cannot show, such as é in ASCII, is no error.
        sys.stdout.reconfigure(errors='backslashreplace')
    try:
        status = main(*arguments)
    except Exception as error:
        if stopped := interruption(error):
            exit_interrupted(stopped, hint)
        if isinstance(error, (ValueError, OSError, *errors)):
            sys.exit(f'error: {error}'.translate(CONTROLS))
        raise
    except KeyboardInterrupt as stopped:
        exit_interrupted(stopped, hint)
    sys.exit(status)
