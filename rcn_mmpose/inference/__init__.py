"""Keypoints of faces in images, without a training framework around.

Three lines::

    from rcn_mmpose import load_model

    model = load_model('rcn_300w.py', 'rcn_300w.pth')
    result = model('photo.jpg', boxes=[[x1, y1, x2, y2]])

:func:`~.loading.load_model` takes a checkpoint that carries its config (those
of ``tools/train.py`` do), or a config and a checkpoint, or an exported
``.onnx``, and returns a predictor::

    load_model(model, checkpoint=None, *, precision='fp32', batch_size=None,
               device='cpu', box_rule=None, detector=None, passes=1,
               second_pass=None)

- ``precision``: ``'fp32'`` or ``'bf16'``; an ``.onnx`` has its own.
- ``batch_size``: faces that go through the network at once; by default what
  suits the cache of a CPU, however many are asked for.

A predictor is called with one image or a list of them, and with the boxes
of the faces; it returns one :class:`~.result.Result`. Its parts can be called
(and timed) by themselves::

    model(images, boxes)      images and boxes to a Result
    model.crop(image, boxes)  an image (an array) and boxes (N, 4) to
                                crops (N, H, W) uint8
    model.predict(crops)        crops to keypoints (N, K, 2) in their pixels,
                                confidence (N, K), covariance (N, K, 2, 2)
    model.network               of a torch model alone: crops, a uint8 tensor
                                (B, H, W), to the same three as tensors

:func:`~.onnx_export.export` writes an ``.onnx`` that needs neither torch nor
MMPose, :func:`~.int8.quantize` turns that one into int8.
Importing this package imports none of them.
"""

from __future__ import annotations

import importlib
from typing import Any

_FROM = dict(
    Failure='rcn_mmpose.io.result',
    ModelInfo='rcn_mmpose.inference.model_info',
    OnnxPredictor='rcn_mmpose.inference.onnx_predictor',
    Predictor='rcn_mmpose.inference.predictor',
    Result='rcn_mmpose.io.result',
    SecondPass='rcn_mmpose.inference.second_pass',
    TorchPredictor='rcn_mmpose.inference.torch_predictor',
    export='rcn_mmpose.inference.onnx_export',
    load_model='rcn_mmpose.inference.loading',
    quantize='rcn_mmpose.inference.int8',
)

__all__ = list(_FROM)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _FROM:
        raise AttributeError(f'module {__name__!r} has no {name!r}')
    return getattr(importlib.import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *_FROM})
