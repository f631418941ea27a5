"""What surrounds the runner: hooks, optimiser wrapper, checks."""

from .channels_last import ChannelsLastHook
from .checkpoint_check import CheckpointCheckHook
from .compile_network import CompileHook
from .cpu_amp import CPUAmpOptimWrapper
from .finite_loss import FiniteLossHook
from .whole_checkpoints import WholeCheckpointHook

__all__ = [
    'CPUAmpOptimWrapper',
    'ChannelsLastHook',
    'CheckpointCheckHook',
    'CompileHook',
    'FiniteLossHook',
    'WholeCheckpointHook',
]
