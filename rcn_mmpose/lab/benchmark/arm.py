"""A process of its own for what is measured."""

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

TURN = 0.1  # seconds that a turn takes at least, so that the clock is no part
WARM_UP = 3  # calls


class SkipError(Exception):
    """Something cannot be measured here; the message is the reason."""


class Case(NamedTuple):
    """One thing to measure.

    Attributes:
        run: What is timed.
        faces: How many a call deals with.
        facts: What else there is to tell of it, asked at the end: a dict of
            numbers or texts.
        most_turns: Turns it gets at most; for what takes seconds.
    """

    run: Callable[[], object]
    faces: int
    facts: Callable[[], dict[str, Any]] = dict
    most_turns: int = 1000


@dataclass(frozen=True)
class Plan:
    """What a process of its own is to set up.

    Attributes:
        setup: ``'module:function'``; called there with ``arguments``, it
            returns a dict of :class:`Case` by name.
        label: Begins the names of its rows.
        arguments: Of the function, picklable.
        threads: Of PyTorch and OpenCV.
        keep_memory: Whether the process keeps the memory it frees, as
            ``tools/train.py`` does.
    """

    setup: str
    label: str = ''
    arguments: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    keep_memory: bool = True


class Arm:
    """A process that does what it is told, one thing at a time.

    Args:
        plan (Plan): What to set up.

    Raises:
        SkipError: If the setup says that it cannot be done here.
        RuntimeError: If the setup fails, with its error.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, plan), daemon=False
        )
        # PyTorch reads it when it is imported, before anybody could tell it
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
        """Call a case until it is in its stride."""
        self._ask('warm_up', name)

    def turn(self, name: str) -> float:
        """Return the seconds a face of one turn."""
        return self._ask('turn', name)

    def facts(self, name: str) -> dict[str, Any]:
        """Return what a case has to tell, and the memory of its process.

        Returns:
            dict: ``memory_mb`` is the largest amount ever in use, above that
            after the imports; ``gpu_mb`` that of the GPU, if it was used.
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


def _serve(pipe: Connection, plan: Plan) -> None:
    """Do what the other side asks for."""
    sys.stdout = open(os.devnull, 'w')  # else pycocotools talks
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
        pass  # the other side has left
    except SkipError as error:
        pipe.send(('skip', str(error)))
    except Exception:
        pipe.send(('error', traceback.format_exc()))


class _Server:
    """What happens inside the process."""

    def __init__(self, plan: Plan) -> None:
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
    """Return the seconds of some calls, to the end of what they started."""
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
    """Return the largest resident size of this process so far, in bytes.

    Not getrusage's, which begins with that of the process that started this
    one. 0 where there is no /proc.
    """
    try:
        with open('/proc/self/status', encoding='ascii') as file:
            for line in file:
                if line.startswith('VmHWM:'):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0
