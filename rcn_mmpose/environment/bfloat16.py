"""Whether a processor computes in bfloat16, or only emulates it.

A processor without these instructions takes about ten times as long in bfloat16 as
in float32, so mixed precision is used only where it pays.
"""

from __future__ import annotations

INSTEAD = (
    'PyTorch has no instructions for bfloat16 on this processor, which would take '
    'about ten times as long as float32'
)


def cpu_has_bfloat16() -> bool:
    """Return whether PyTorch computes convolutions in bfloat16 on this processor.

    True with AVX-512 BF16 or AMX. A limit on oneDNN's instructions
    (``ONEDNN_MAX_CPU_ISA=AVX2``) counts. False if PyTorch cannot tell.
    """
    import torch

    try:
        supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except (AttributeError, RuntimeError):  # built without oneDNN
        return False
    # oneDNN also accepts AVX-512 without these instructions, at no gain.
    return bool(supported) and any(
        getattr(torch.cpu, name, bool)()  # private: PyTorch may remove them
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    )
