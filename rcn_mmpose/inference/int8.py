"""Quantise an exported model to int8: smaller, faster, a little less accurate."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..environment.missing import EXPORT
from ..io.atomic import write_whole
from .loading import INPUT, OnnxPredictor, description_of

# The backbone is quantised. The last convolution is not: on 300W it would cost
# five times the error of all other convolutions together. (The first convolution
# gains nothing, but in fp32 it would slow down the pooling after it.)
QUANTISED_PART = '/backbone/'
OPERATORS = (
    'Conv',
    'Relu',
    'MaxPool',
    'Concat',
    'Resize',
    'Add',
    'Reshape',
    'Transpose',
    'Slice',
)
# Largest allowed median movement of keypoints, in pixels of the crop.
MOST_MOVED = 1.0


def quantize(
    path: str | os.PathLike, out: str | os.PathLike, crops: np.ndarray
) -> dict[str, float]:
    """Quantise the convolutions of an exported model to int8.

    Weights are rounded per channel, features by ranges that ONNX Runtime
    measures on faces (static quantisation). Normalisation, the last
    convolution, softmax, decoding and a denoiser stay in fp32. Measure the
    loss of accuracy on faces with true keypoints.

    Args:
        path: The ``.onnx`` from
            :func:`rcn_mmpose.inference.onnx_export.export`.
        out: The ``.onnx`` to write, with its ``.json``.
        crops (np.ndarray): Some dozens of faces for the ranges, not from a
            test set; uint8 (N, H, W), as
            ``Predictor.crop`` returns them.

    Returns:
        dict[str, float]: Movement of the keypoints of these crops, in pixels
        of the crop: ``median``, ``mean``, ``percentile_95``.

    Raises:
        ImportError: If onnx or onnxruntime is not installed.
        ValueError: If ``out`` does not end in ``.onnx`` or is ``path``, there
            are no crops, or half of all keypoints move by more than a pixel.
            Nothing is written then.
    """
    path, out = Path(path), Path(out)
    if out.suffix != '.onnx' or out.resolve() == path.resolve():
        raise ValueError(
            f'out={str(out)!r} must end in .onnx and be another file than path.'
        )
    if not len(crops):
        raise ValueError('no crops; give some dozens of crops of faces.')
    reference = OnnxPredictor(path)
    expected = reference.predict_crops(crops)[0]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        draft = Path(folder) / out.name
        _quantize(path, draft, crops)
        content = draft.read_bytes()
        description = json.loads(description_of(path).read_text(encoding='utf-8'))
        description.update(
            name=out.stem,
            precision='int8',
            sha256=hashlib.sha256(content).hexdigest(),
        )
        text = json.dumps(description, indent=2, ensure_ascii=False) + '\n'
        description_of(draft).write_text(text, encoding='utf-8')
        found = OnnxPredictor(draft).predict_crops(crops)[0]
    apart = np.linalg.norm(found - expected, axis=-1)
    moved = dict(
        median=float(np.median(apart)),
        mean=float(apart.mean()),
        percentile_95=float(np.percentile(apart, 95)),
    )
    if not moved['median'] <= MOST_MOVED:
        raise ValueError(
            f'int8 moves the keypoints by {moved} pixels of the crop; '
            f'{str(out)!r} was not written. Give crops like those of the '
            'training, or keep fp32.'
        )
    write_whole(str(out), content)
    write_whole(str(description_of(out)), text.encode())
    return moved


def _quantize(path: Path, out: Path, crops: np.ndarray) -> None:
    """Quantise a model with ONNX Runtime."""
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise ImportError(
            f'onnx and onnxruntime are needed to quantise: {EXPORT}.'
        ) from error

    class Faces(quantization.CalibrationDataReader):
        """Give the crops one by one."""

        def __init__(self) -> None:
            self.rest = iter(crops)

        def get_next(self) -> dict | None:
            """Return the next crop, or None after the last."""
            crop = next(self.rest, None)
            return None if crop is None else {INPUT: crop[None]}

    nodes = [
        node.name
        for node in onnx.load(str(path)).graph.node
        if node.name.startswith(QUANTISED_PART) and node.op_type in OPERATORS
    ]
    if not nodes:
        raise ValueError(
            f'{str(path)!r} has no operators below {QUANTISED_PART!r}; export the '
            'model again with this version.'
        )
    with _quiet():
        quantization.quantize_static(
            str(path),
            str(out),
            Faces(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=nodes,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the general advice that ONNX Runtime logs."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
