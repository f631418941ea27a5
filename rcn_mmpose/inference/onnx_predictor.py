"""Prediction by ONNX Runtime: numpy, OpenCV and onnxruntime suffice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .model_info import ModelInfo
from .predictor import Prediction, Predictor

INPUT = 'crops'
OUTPUTS = ('keypoints', 'confidence', 'covariance')


class OnnxPredictor(Predictor):
    """Finds keypoints by a model that :func:`~.onnx_export.export` wrote.

    Args:
        path: The ``.onnx``; its ``.json`` lies beside it.
        box_rule (dict, optional): Other than the file's, see
            :class:`~.model_info.ModelInfo`.
        batch_size (int, optional): Faces that go through the network at once.
            Defaults to 8.
        threads (int): Of ONNX Runtime; 0 for as many as there are cores.
        **options (Any): Those of :class:`~.predictor.Predictor`.

    Raises:
        FileNotFoundError: If one of the two files does not exist.
        ImportError: If onnxruntime is not installed.
        ValueError: If they do not belong together, or are none of ours.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        box_rule: Mapping | None = None,
        batch_size: int | None = None,
        threads: int = 0,
        **options: Any,
    ) -> None:
        path = Path(path)
        info = read_description(path)
        if box_rule is not None:
            info = replace(info, box_rule=dict(box_rule))
        super().__init__(info, 8 if batch_size is None else batch_size, **options)
        self.session = open_session(path, threads)

    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch."""
        return tuple(self.session.run(OUTPUTS, {INPUT: crops}))


def description_of(path: Path) -> Path:
    """Return the json file that goes with a model."""
    return path.with_suffix('.json')


def read_description(path: Path) -> ModelInfo:
    """Read it, and check that it goes with the model.

    Raises:
        FileNotFoundError: If one of the two files does not exist.
        ValueError: If they do not belong together.
    """
    beside = description_of(path)
    for file in (path, beside):
        if not file.is_file():
            raise FileNotFoundError(
                f'{str(file)!r} does not exist; an exported model is two '
                'files, .onnx and .json.'
            )
    text = beside.read_text(encoding='utf-8')
    info = ModelInfo.from_json(text)
    content = json.loads(text)
    _check(path, content.get('sha256'), beside)
    weights = content.get('weights')  # see shared_weights
    if isinstance(weights, dict):
        file = path.with_name(str(weights.get('file')))
        _check(file, weights.get('sha256'), beside)
    return info


def _check(path: Path, sha256: str | None, beside: Path) -> None:
    """Raise an error unless a file is the one that is described."""
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist; it holds the weights of the model '
            f'that {str(beside)!r} describes. Copy it to the same folder.'
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(
            f'{str(beside)!r} belongs to another model than {str(path)!r}: '
            'the sha256 differs. Copy both files again, or export the model '
            'again.'
        )


def open_session(path: Path, threads: int = 0) -> Any:
    """Open a model with ONNX Runtime, on the CPU.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If it cannot read the file, or inputs and outputs are not
            those of our models.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            'onnxruntime is not installed; pip install onnxruntime, or load '
            'the checkpoint (.pth) in place of the .onnx.'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # its own types, without a common one
        raise ValueError(
            f'{str(path)!r} cannot be read by onnxruntime '
            f'{onnxruntime.__version__}: {error}'
        ) from error
    names = [x.name for x in (*session.get_inputs(), *session.get_outputs())]
    if names != [INPUT, *OUTPUTS]:
        raise ValueError(
            f'{str(path)!r} has inputs and outputs {names}; models of '
            f'rcn_mmpose have {[INPUT, *OUTPUTS]}.'
        )
    return session
