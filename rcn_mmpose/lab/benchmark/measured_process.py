"""A separate process in which cases are set up and timed.

A separate process has its own number of threads and its own peak memory.
"""

from __future__ import annotations

import importlib
import math
import multiprocessing
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ...environment.malloc import keep_freed_memory

TURN = 0.1  # minimum seconds of a turn, so that the clock's resolution is enough
WARM_UP = 3  # calls


class SkipError(Exception):
    """A case cannot be measured on this machine; the message is the reason."""


class Case(NamedTuple):
    """One case to measure.

    Attributes:
        run: The timed function.
        faces: Number of faces of a call.
        facts: Returns further results, numbers or texts by name; called after
            the last turn.
        most_turns: Maximum number of turns, for calls that take seconds.
    """

    run: Callable[[], object]
    faces: int
    facts: Callable[[], dict[str, Any]] = dict
    most_turns: int = 1000


@dataclass(frozen=True)
class ProcessPlan:
    """Description of a measured process.

    Attributes:
        setup: ``'module:function'``. The process calls the function with
            ``arguments``; the function returns a dict of :class:`Case` by
            name.
        label: Prefix of the names of the process's rows.
        arguments: Arguments of the function, picklable.
        threads: Number of threads of PyTorch and OpenCV.
        keep_memory: Whether the process keeps freed memory, as
            ``tools/train.py`` does.
    """

    setup: str
    label: str = ''
    arguments: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    keep_memory: bool = True


class MeasuredProcess:
    """A process that times its cases on request, one at a time.

    Args:
        plan (ProcessPlan): Description of the process.

    Raises:
        SkipError: If the setup raises it.
        RuntimeError: If the setup fails; the message holds its traceback.
    """

    def __init__(self, plan: ProcessPlan) -> None:
        self.plan = plan
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, plan), daemon=False
        )
        # PyTorch reads the variable when the new process imports it.
        before = os.environ.get('OMP_NUM_THREADS')
        os.environ['OMP_NUM_THREADS'] = str(plan.threads)
        try:
            self._process.start()
        finally:
            if before is None:
                del os.environ['OMP_NUM_THREADS']
            else:
                os.environ['OMP_NUM_THREADS'] = before
        theirs.close()
        try:
            self.cases: dict[str, tuple[int, int]] = self._answer()
        except BaseException:
            self.close()
            raise

    def warm_up(self, name: str) -> None:
        """Warm a case up and choose the number of calls of a turn."""
        self._ask('warm_up', name)

    def turn(self, name: str) -> float:
        """Time one turn; return its seconds per face."""
        return self._ask('turn', name)

    def facts(self, name: str) -> dict[str, Any]:
        """Return the facts of a case and the memory of the process.

        Returns:
            dict: ``memory_mb`` is the peak resident memory minus the memory
            after the imports; ``gpu_mb``, if a GPU was used, is the peak
            memory of the GPU.
        """
        return self._ask('facts', name)

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def _ask(self, request: str, name: str) -> Any:
        self._pipe.send((request, name))
        return self._answer()

    def _answer(self) -> Any:
        try:
            kind, content = self._pipe.recv()
        except EOFError:
            self._process.join(10)
            raise RuntimeError(
                f'the process of {self.plan.label!r} died with status '
                f'{self._process.exitcode}'
            ) from None
        if kind == 'skip':
            raise SkipError(content)
        if kind == 'error':
            raise RuntimeError(f'{self.plan.label!r} failed:\n{content}')
        return content


def _serve(pipe: Connection, plan: ProcessPlan) -> None:
    """Answer the requests of the parent process; runs in the new process."""
    sys.stdout = open(os.devnull, 'w')  # pycocotools prints
    warnings.filterwarnings('ignore', module='mmengine')
    try:
        server = _Server(plan)
        pipe.send(
            (
                'ready',
                {k: (v.faces, v.most_turns) for k, v in server.cases.items()},
            )
        )
        while True:
            request, name = pipe.recv()
            pipe.send(('done', getattr(server, request)(name)))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass  # the parent process has closed the pipe
    except SkipError as error:
        pipe.send(('skip', str(error)))
    except Exception:
        pipe.send(('error', traceback.format_exc()))


class _Server:
    """The cases inside the new process, and the answers to requests."""

    def __init__(self, plan: ProcessPlan) -> None:
        if plan.keep_memory:
            keep_freed_memory()
        from ... import compat

        compat.activate()
        import cv2
        import torch

        torch.set_num_threads(plan.threads)
        cv2.setNumThreads(plan.threads)
        module, name = plan.setup.split(':')
        function = getattr(importlib.import_module(module), name)
        self.imported = peak_memory()
        self.cases: dict[str, Case] = function(**plan.arguments)
        self.calls: dict[str, int] = {}

    def warm_up(self, name: str) -> None:
        run = self.cases[name].run
        calls = min(WARM_UP, self.cases[name].most_turns)
        for _ in range(calls):
            seconds = _timed(run, 1)
        self.calls[name] = max(1, math.ceil(TURN / seconds))

    def turn(self, name: str) -> float:
        case, calls = self.cases[name], self.calls[name]
        return _timed(case.run, calls) / (calls * case.faces)

    def facts(self, name: str) -> dict[str, Any]:
        import torch

        found = dict(memory_mb=round((peak_memory() - self.imported) / 1e6))
        if torch.cuda.is_initialized():
            used = torch.cuda.max_memory_allocated()
            found['gpu_mb'] = round(used / 1e6)
        return {**self.cases[name].facts(), **found}


def _timed(run: Callable[[], object], calls: int) -> float:
    """Return the seconds of some calls, including their work on a GPU."""
    import torch

    cuda = torch.cuda.is_initialized()
    if cuda:
        torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def peak_memory() -> int:
    """Return the peak resident size of this process in bytes, 0 without /proc.

    ``getrusage`` does not serve: its peak starts at the size of the parent
    process.
    """
    try:
        with open('/proc/self/status', encoding='ascii') as file:
            for line in file:
                if line.startswith('VmHWM:'):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0
