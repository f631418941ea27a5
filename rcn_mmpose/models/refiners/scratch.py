"""Memory that is used again and again."""

from __future__ import annotations

import threading
from math import prod

import torch
from torch import Tensor


class Scratch(threading.local):
    """Blocks for intermediate results, one for each purpose.

    On a CPU large tensors are given back to the system and come anew, page
    by page, which takes longer than some of the products that fill them. A
    block lives on instead, in each thread its own; what it holds is good
    until the next call asks for it by the same name.
    """

    def __init__(self) -> None:
        self.blocks: dict[tuple, Tensor] = {}

    def __call__(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return memory of any content.

        Args:
            name (str): Purpose.
            like (Tensor): Decides on type and device.
            *shape (int): The shape wanted.

        Returns:
            Tensor: Of this shape.
        """
        if not like.is_cpu:  # where PyTorch keeps memory itself
            return like.new_empty(shape)
        size, key = prod(shape), (name, like.dtype)
        if key not in self.blocks or self.blocks[key].numel() < size:
            with torch.inference_mode(False):
                self.blocks[key] = like.new_empty(size)
        return self.blocks[key][:size].view(shape)
