"""Threads and forks: what libraries with threads of their own need.

A fork copies the memory of a process, but of its threads only the one that forks.
PyTorch (by OpenMP) and ONNX Runtime keep threads and wait for them, in a forked
child for ever. Therefore a model is loaded in a thread of its own, and the OpenMP
threads end with that thread (:func:`in_own_thread`); PyTorch computes in one thread
in a forked child (:func:`spare_lost_threads`); and sessions of ONNX Runtime are
opened again there (:data:`SESSIONS`).
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from weakref import WeakSet

T = TypeVar('T')

# Objects with threads. A forked child keeps them for ever: closing one would wait
# for threads that the child does not have.
SESSIONS: WeakSet[Any] = WeakSet()
_registries = threading.RLock()
_threads_lost = False


def in_own_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a new thread, which has ended on return.

    The threads that OpenMP starts for the function belong to the new thread and
    end with it. The calling thread has none, so that it may fork.

    Args:
        function (Callable): The function.
        *arguments (Any): Its arguments.

    Returns:
        Any: Its result. Its exception is raised.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def registries() -> AbstractContextManager:
    """Return the lock of MMEngine's registries, which one thread may take twice.

    Their default scope is one variable of the process. While one thread has set it,
    another would look up its parts in the wrong scope.
    """
    return _registries


def spare_lost_threads() -> None:
    """Let PyTorch compute in one thread if this process was forked.

    The threads of the parent do not exist here; PyTorch would wait for them.
    PyTorch's own data loaders do the same. Call this before a network runs.
    """
    global _threads_lost
    if _threads_lost:
        import torch

        torch.set_num_threads(1)
        _threads_lost = False


class OwnLock:
    """A lock. Copies and pickles of its owner get locks of their own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type[OwnLock], tuple[()]]:
        return OwnLock, ()


def _after_fork() -> None:
    """Prepare a forked child."""
    global _registries, _threads_lost
    _registries = threading.RLock()  # a lost thread may have held the old one
    _threads_lost = _threads_lost or 'torch' in sys.modules
    for session in SESSIONS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, 'register_at_fork'):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)
