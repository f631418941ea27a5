"""Exported models that read the weights of a checkpoint (shared weights).

The checkpoint and the .onnx of a model hold the same numbers. The .onnx also
holds sums of weights, see :mod:`rcn_mmpose.inference.split_upsampling`. ONNX
can read weights from another file ("external data"), given by name, offset and
length, and PyTorch writes tensors into a checkpoint uncompressed. So the .onnx
refers to its weights in a half-precision checkpoint. The graph converts them to
float32 and sums them. ONNX Runtime computes both once, when it loads the model,
so prediction is as fast as with stored weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from torch import nn

from .loading import description_of
from .split_upsampling import SplitConv, phase_weights

# Biases, and weights of at most this many bytes, stay in the graph.
SMALL = 1024


def share_weights(path: Path, network: nn.Module, checkpoint: Path) -> bytes:
    """Rewrite an exported model so that it reads the weights of a checkpoint.

    Args:
        path (Path): The ``.onnx`` that
            :func:`rcn_mmpose.inference.onnx_export.export` wrote.
        network (nn.Module): The network that was exported, with the weights of
            ``checkpoint``.
        checkpoint (Path): A checkpoint in half precision. It has to be in the
            folder of the ``.onnx`` whenever the model is loaded.

    Returns:
        bytes: The new model.

    Raises:
        ValueError: If weights of the model are not in the checkpoint.
    """
    model = onnx.load(path)
    store = _Store(checkpoint)
    splits = {
        f'{name}.': module
        for name, module in network.named_modules()
        if isinstance(module, SplitConv)
    }
    names = {tensor.name for tensor in model.graph.initializer}
    for prefix, module in splits.items():
        _split(prefix, module, names, store)
    for tensor in model.graph.initializer:
        if tensor.name.rpartition('.')[0] + '.' not in splits or (
            tensor.name.endswith('.bias')
        ):
            store.add(tensor)
    nodes = [*store.nodes, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(store.tensors)
    model.graph.node.extend(nodes)
    return model.SerializeToString()


class _Store:
    """The weights of a graph; large weights refer to a checkpoint.

    Args:
        checkpoint (Path): The checkpoint.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.name = checkpoint.name
        self.content = checkpoint.read_bytes()
        self.tensors: list[TensorProto] = []
        self.nodes: list[NodeProto] = []

    def add(self, tensor: TensorProto) -> None:
        """Add a weight of the graph."""
        value = numpy_helper.to_array(tensor)
        if value.ndim > 1 and value.nbytes > SMALL:
            self.refer(tensor.name, value)
        else:
            self.tensors.append(tensor)

    def refer(self, name: str, value: np.ndarray) -> None:
        """Add a float32 weight that the checkpoint holds as float16."""
        half = value.astype(np.float16)
        content = half.tobytes()
        place = self.content.find(content)
        if place < 0 or not np.array_equal(half.astype(np.float32), value):
            raise ValueError(
                f'{name} is not among the weights of {self.name!r} in half '
                'precision; export the model that was loaded from this checkpoint.'
            )
        tensor = numpy_helper.from_array(half, f'{name}.half')
        set_external_data(tensor, self.name, place, len(content))
        tensor.ClearField('raw_data')
        self.tensors.append(tensor)
        self.compute('Cast', [f'{name}.half'], name, to=TensorProto.FLOAT)

    def constant(self, name: str, value: np.ndarray | list[int]) -> str:
        """Add a constant and return its name."""
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def compute(
        self,
        operator: str,
        inputs: list[str],
        *outputs: str,
        **options: Any,
    ) -> None:
        """Add an operator, which runs once when the model is loaded."""
        self.nodes.append(helper.make_node(operator, inputs, list(outputs), **options))


def _split(prefix: str, module: SplitConv, names: set[str], store: _Store) -> None:
    """Compute the kernels of a split convolution from the whole kernel."""
    coarse = module.coarse.shape[1]
    whole = torch.cat([module.fine, module.coarse], 1).contiguous().numpy()
    if not coarse:
        store.refer(f'{prefix}fine', whole)
        return
    store.refer(f'{prefix}whole', whole)
    sizes = store.constant(f'{prefix}sizes', [whole.shape[1] - coarse, coarse])
    parts = f'{prefix}fine', f'{prefix}coarse'
    store.compute('Split', [f'{prefix}whole', sizes], *parts, axis=1)
    if f'{prefix}phases' in names:
        _sum_phases(prefix, module, store)


def _sum_phases(prefix: str, module: SplitConv, store: _Store) -> None:
    """Compute :func:`rcn_mmpose.inference.split_upsampling.phase_weights` in the graph.

    The sums are linear in the k x k places of a kernel, so one matrix product
    computes them.
    """
    outputs, inputs, side, _ = module.coarse.shape
    places, small = side * side, (side + 1) // 2
    units = torch.eye(places).view(places, 1, side, side)
    sums = phase_weights(units).view(4, places, small * small)
    matrix = sums.permute(1, 0, 2).reshape(places, -1)
    # (O, I, k, k) -> (O, I, 4, m, m) -> (4 * O, I, m, m)
    steps: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ('Reshape', [outputs * inputs, places], {}),
        ('MatMul', matrix.numpy(), {}),
        ('Reshape', [outputs, inputs, 4, small, small], {}),
        ('Transpose', None, dict(perm=(2, 0, 1, 3, 4))),
        ('Reshape', [4 * outputs, inputs, small, small], {}),
    )
    last = f'{prefix}coarse'
    for i, (operator, value, options) in enumerate(steps):
        out = f'{prefix}step_{i}' if i + 1 < len(steps) else f'{prefix}phases'
        given = [last]
        if value is not None:
            given.append(store.constant(f'{out}.with', value))
        store.compute(operator, given, out, **options)
        last = out


def describe_shared(
    path: Path, sha256: str, checkpoint: str, weights_sha256: str
) -> bytes:
    """Return the json file of a model that shares weights.

    Args:
        path (Path): The exported model; its ``.json`` is in the same folder.
        sha256 (str): sha256 of the model from :func:`share_weights`.
        checkpoint (str): File name of the checkpoint.
        weights_sha256 (str): sha256 of the checkpoint.

    Returns:
        bytes: Content of the json file.
    """
    content = json.loads(description_of(path).read_text(encoding='utf-8'))
    content.update(
        sha256=sha256,
        weights=dict(file=checkpoint, sha256=weights_sha256),
    )
    return (json.dumps(content, indent=2, ensure_ascii=False) + '\n').encode()
