from __future__ import annotations

import threading

import torch

from rcn_mmpose.models.large_kernels.real_dft import Scratch


def test_memory_is_reused() -> None:
    scratch, like = Scratch(), torch.zeros(1)
    first = scratch('a', like, 2, 3)
    assert first.shape == (2, 3) and first.dtype == torch.float32
    first.fill_(7)
    # smaller blocks reuse the memory
    again = scratch('a', like, 4)
    assert again.tolist() == [7] * 4
    assert again.data_ptr() == first.data_ptr()
    # larger blocks do not
    assert scratch('a', like, 7).data_ptr() != first.data_ptr()


def test_one_block_for_each_purpose_and_type() -> None:
    scratch, like = Scratch(), torch.zeros(1)
    blocks = [
        scratch('a', like, 5),
        scratch('b', like, 5),
        scratch('a', like.double(), 5),
        Scratch()('a', like, 5),
    ]
    for i, block in enumerate(blocks):
        block.fill_(i)
    assert [block[0].item() for block in blocks] == [0, 1, 2, 3]
    assert blocks[2].dtype == torch.float64


def test_one_block_for_each_thread() -> None:
    scratch, like = Scratch(), torch.zeros(1)
    scratch('a', like, 3).fill_(1)
    found = []

    def other() -> None:
        found.append(scratch('a', like, 3).fill_(2))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found[0].tolist() == [2, 2, 2]
    assert scratch('a', like, 3).tolist() == [1, 1, 1]


def test_usable_after_inference_mode() -> None:
    scratch, like = Scratch(), torch.zeros(1)
    with torch.inference_mode():
        scratch('a', like, 3)
    with torch.no_grad():
        block = scratch('a', like, 3)
        assert not block.is_inference()
        block.fill_(1)
