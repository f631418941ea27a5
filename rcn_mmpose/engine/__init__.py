"""Training and testing: hooks, optimiser wrapper, distributed runs, config edits."""

from .checkpoint_hooks import CheckpointCheckHook, WholeCheckpointHook
from .cpu_amp import CPUAmpOptimWrapper
from .hooks import ChannelsLastHook, CompileHook, FiniteLossHook
from .log_processor import ShortLogProcessor
from .resume import ResumeHook

__all__ = [
    'CPUAmpOptimWrapper',
    'ChannelsLastHook',
    'CheckpointCheckHook',
    'CompileHook',
    'FiniteLossHook',
    'ResumeHook',
    'ShortLogProcessor',
    'WholeCheckpointHook',
]
