"""Export a model to ONNX, and check it before the files are written."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import tempfile
import warnings
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from ..io.atomic import write_whole
from ..models.large_kernels.large_conv import LargeConv2d
from ..version import __version__
from .interface import interface, write_metadata
from .loading import INPUT, OUTPUTS, OnnxPredictor, description_of
from .parity import Parity, compare
from .torch_predictor import FaceNetwork, TorchPredictor

OPSET = 17
# Largest allowed differences between ONNX Runtime and PyTorch, see
# rcn_mmpose.inference.parity.Parity.
TOLERANCES = dict(keypoints=0.01, confidence=1e-4, deviation=0.01)
PACKAGES = ('torch', 'onnx', 'onnxruntime', 'numpy')


class ParityError(RuntimeError):
    """The exported model does not predict the same as the original."""


def export(
    predictor: TorchPredictor,
    path: str | os.PathLike,
    crops: np.ndarray | None = None,
) -> Parity:
    """Export a model to one ONNX file, from crops to keypoints.

    The input ``crops`` is uint8 (N, H, W), with any N. The outputs are
    ``keypoints`` (N, K, 2) in pixels of the crop, ``confidence`` (N, K) and
    ``covariance`` (N, K, 2, 2). Normalisation and decoding are part of the
    model. A json file in the same folder describes how images become crops,
    the K keypoints, the versions of the packages, and the sha256. The metadata of
    the .onnx say the same, see :mod:`rcn_mmpose.inference.interface`.
    ``load_model`` reads both files.

    The files are written only if ONNX Runtime predicts the same as PyTorch.

    Args:
        predictor (TorchPredictor): From ``load_model``, in fp32.
        path: The ``.onnx`` to write; the json file ends in ``.json``.
        crops (np.ndarray, optional): Crops for the comparison, uint8
            (N, H, W). Defaults to images of blurred noise and a black image.

    Returns:
        Parity: The largest differences found.

    Raises:
        ValueError: If ``path`` does not end in ``.onnx``, the predictor is
            not in fp32, or its denoiser has large kernels.
        ParityError: If a difference is larger than :data:`TOLERANCES`.
    """
    path = Path(path)
    if path.suffix != '.onnx':
        raise ValueError(f'path={str(path)!r} must end in .onnx.')
    if predictor.network.dtype != torch.float32:
        raise ValueError(
            "this predictor computes in bf16; load the model with precision='fp32'."
        )
    if any(isinstance(m, LargeConv2d) for m in predictor.network.modules()):
        raise ValueError(
            'an rcn_mmpose.LargeKernelNet cannot be exported: the spectra of '
            'its kernels would take hundreds of megabytes. Export a joint '
            'model with a compact denoiser (configs/joint_compact_300w.py), '
            'or the network alone.'
        )
    if crops is None:
        crops = noise_crops(predictor.info.input_size)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        _trace(predictor, draft)
        info = replace(predictor.info, name=path.stem, versions=versions())
        facts = dict(precision='fp32', opset=OPSET, **interface(info))
        write_metadata(draft, json.loads(info.to_json(**facts)))
        content = draft.read_bytes()
        description = info.to_json(
            **facts, sha256=hashlib.sha256(content).hexdigest()
        ).encode()
        description_of(draft).write_bytes(description)
        exported = OnnxPredictor(draft)
        parity = compare(predictor, crops, exported.predict_crops(crops))
        # Tracing may have fixed the number of faces, so a batch of one is checked.
        alone = compare(predictor, crops[:1], exported.predict_crops(crops[:1]))
    for found in (parity, alone):
        wrong = {
            name: getattr(found, name)
            for name, most in TOLERANCES.items()
            if getattr(found, name) > most
        }
        if wrong:
            raise ParityError(
                f'ONNX Runtime differs from PyTorch by {wrong}; {TOLERANCES} '
                f'are allowed. {str(path)!r} was not written. Try other '
                f'versions of {", ".join(PACKAGES)}.'
            )
    write_whole(str(path), content)
    write_whole(str(description_of(path)), description)
    return parity


def versions() -> dict[str, str]:
    """Return the versions of the packages that write a model."""
    found = dict(rcn_mmpose=__version__)
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def noise_crops(size: tuple[int, int], count: int = 8) -> np.ndarray:
    """Return images of noise at several scales, uint8 (count + 1, H, W).

    The last image is black.
    """
    rng = np.random.default_rng(0)
    width, height = size
    crops = []
    for i in range(count):
        noise = rng.normal(size=(height, width)).astype(np.float32)
        blurred = cv2.GaussianBlur(noise, (0, 0), 1 + i)
        cv2.normalize(blurred, blurred, 0, 255, cv2.NORM_MINMAX)
        crops.append(blurred)
    crops.append(np.zeros((height, width), np.float32))
    return np.stack(crops).astype(np.uint8)


def _trace(predictor: TorchPredictor, path: Path) -> None:
    """Write the graph of the network."""
    network: FaceNetwork = deepcopy(predictor.network).cpu()
    if hasattr(network.model, 'refiner'):
        network.model.refiner.deployed = True  # no checks and no loops
    width, height = predictor.info.input_size
    names = (INPUT, *OUTPUTS)
    with warnings.catch_warnings():
        # The warnings ask for PyTorch's new exporter, which needs two more
        # packages, and say that map sizes are constants, which is intended.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network,
            (torch.zeros(2, height, width, dtype=torch.uint8),),
            str(path),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: 'faces'} for name in names},
            opset_version=OPSET,
            dynamo=False,
        )
