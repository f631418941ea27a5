"""Mixed precision on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper

from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast on the CPU.

    MMEngine's ``AmpOptimWrapper`` raises an error without an accelerator.
    bfloat16 has the range of float32, so no loss scaling is needed.
    """

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
    return torch.cuda.is_available() or any(
        getattr(torch.cpu, name, bool)()  # private: PyTorch may remove them
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    )
