"""Prediction of keypoints, without a training framework.

Three lines::

    from rcn_mmpose import load_model

    model = load_model('rcn_300w.py', 'rcn_300w.pth')
    result = model('photo.jpg', boxes=[[x1, y1, x2, y2]])

:func:`~rcn_mmpose.inference.loading.load_model` takes the name of a shipped
model, a checkpoint that contains its config (as ``tools/train.py`` writes it),
a config and a checkpoint, or an exported ``.onnx``, and returns a predictor::

    load_model(model, checkpoint=None, *, precision='fp32', batch_size=None,
               device='cpu', box_rule=None, detector=None, passes=1,
               second_pass=None, runtime=None)

- ``precision``: ``'fp32'`` or ``'bf16'``; an ``.onnx`` has its own precision.
- ``batch_size``: faces in a batch of the network, for any number of faces; the
  default fits the cache of a CPU.

A predictor takes one image or a list of images, and the boxes of the faces. It
returns one :class:`~rcn_mmpose.io.output.Result`. The parts of a predictor can
be called, and timed, alone::

    model(images, boxes)        from images and boxes to a Result
    model.crop(image, boxes)    from an image and boxes (N, 4) to
                                crops (N, H, W) uint8
    model.predict_crops(crops)  from crops to keypoints (N, K, 2) in pixels of
                                the crop, confidence (N, K) and covariance
                                (N, K, 2, 2)
    model.network               PyTorch only: from crops, a uint8 tensor
                                (B, H, W), to the same three tensors

:func:`~rcn_mmpose.inference.onnx_export.export` writes an ``.onnx`` that needs
neither PyTorch nor MMPose. :func:`~rcn_mmpose.inference.int8.quantize`
quantises it to int8. Importing this package imports neither PyTorch nor MMPose.
"""

from __future__ import annotations

from ..environment.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        Failure='rcn_mmpose.io.output',
        ModelInfo='rcn_mmpose.inference.loading',
        OnnxPredictor='rcn_mmpose.inference.loading',
        Predictor='rcn_mmpose.inference.predictor',
        Result='rcn_mmpose.io.output',
        SecondPass='rcn_mmpose.inference.second_pass',
        TorchPredictor='rcn_mmpose.inference.torch_predictor',
        export='rcn_mmpose.inference.onnx_export',
        load_model='rcn_mmpose.inference.loading',
        quantize='rcn_mmpose.inference.int8',
    ),
)
