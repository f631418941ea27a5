"""What surrounds the runner: hooks, optimiser wrapper, checks."""

from .checkpoint_hooks import CheckpointCheckHook, WholeCheckpointHook
from .cpu_amp import CPUAmpOptimWrapper
from .hooks import ChannelsLastHook, CompileHook, FiniteLossHook

__all__ = [
    'CPUAmpOptimWrapper',
    'ChannelsLastHook',
    'CheckpointCheckHook',
    'CompileHook',
    'FiniteLossHook',
    'WholeCheckpointHook',
]
