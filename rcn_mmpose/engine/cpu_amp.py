"""Mixed precision on a CPU."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper

from ..environment.bfloat16 import INSTEAD, cpu_has_bfloat16
from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast on the CPU.

    MMEngine's ``AmpOptimWrapper`` raises an error without an accelerator.
    bfloat16 has the range of float32, so no loss scaling is needed. A processor
    without bfloat16 instructions emulates them, with a warning.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not cpu_has_bfloat16():
            print_log(f'CPUAmpOptimWrapper: {INSTEAD}.', 'current', logging.WARNING)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enable autocast around the forward pass."""
        with super().optim_context(model):
            with torch.autocast('cpu', torch.bfloat16):
                yield


def amp_pays() -> bool:
    """Return whether mixed precision is faster on this machine.

    Mixed precision is faster on a GPU, and on a CPU with bfloat16 instructions.
    """
    return torch.cuda.is_available() or cpu_has_bfloat16()
