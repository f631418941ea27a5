"""Writing a model as ONNX, checked before it counts as written."""

from __future__ import annotations

import hashlib
import importlib.metadata
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
from .onnx_predictor import INPUT, OUTPUTS, OnnxPredictor, description_of
from .parity import Parity, compare
from .torch_predictor import FaceNetwork, TorchPredictor

OPSET = 17
# By how much ONNX Runtime may differ, see Parity.
TOLERANCES = dict(keypoints=0.01, confidence=1e-4, deviation=0.01)
PACKAGES = ('torch', 'onnx', 'onnxruntime', 'numpy')


class ParityError(RuntimeError):
    """The exported model computes something else than the original."""


def export(
    predictor: TorchPredictor,
    path: str | os.PathLike,
    crops: np.ndarray | None = None,
) -> Parity:
    """Write a model from raw crops to keypoints as one ONNX file.

    Its input ``crops`` is uint8 (N, H, W), any N; its outputs are
    ``keypoints`` (N, K, 2) in pixels of the crop, ``confidence`` (N, K) and
    ``covariance`` (N, K, 2, 2): normalisation and decoding are inside. Beside
    it a json file says how images become crops, what the K keypoints are,
    which versions made it, and its sha256. ``load_model`` reads both.

    The files appear only after ONNX Runtime has predicted from them what
    PyTorch predicts.

    Args:
        predictor (TorchPredictor): From ``load_model``, in fp32.
        path: The ``.onnx`` to write; the other file ends in ``.json``.
        crops (np.ndarray, optional): Faces to compare by, uint8 (N, H, W). By
            default images of blurred noise, and a black one.

    Returns:
        Parity: The largest differences found.

    Raises:
        ValueError: If ``path`` does not end in ``.onnx``, the predictor is
            not in fp32, or its denoiser has large kernels.
        ParityError: If the differences are larger than :data:`TOLERANCES`.
    """
    path = Path(path)
    if path.suffix != '.onnx':
        raise ValueError(f'path={str(path)!r} must end in .onnx.')
    if predictor.network.dtype != torch.float32:
        raise ValueError(
            "this predictor computes in bf16; export one loaded with precision='fp32'."
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
        content = draft.read_bytes()
        description = info.to_json(
            precision='fp32',
            opset=OPSET,
            sha256=hashlib.sha256(content).hexdigest(),
        ).encode()
        description_of(draft).write_bytes(description)
        exported = OnnxPredictor(draft)
        parity = compare(predictor, crops, exported.predict(crops))
        # in a batch of one too: tracing may have fixed the number of faces
        alone = compare(predictor, crops[:1], exported.predict(crops[:1]))
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
    """Return the versions of the packages that make a model."""
    found = dict(rcn_mmpose=__version__)
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def noise_crops(size: tuple[int, int], count: int = 8) -> np.ndarray:
    """Return images with structures of all sizes, uint8 (count + 1, H, W).

    The last one is black.
    """
    rng = np.random.default_rng(0)
    width, height = size
    crops = []
    for i in range(count):
        noise = rng.normal(size=(height, width)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 1 + i)
        crops.append(cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX))
    crops.append(np.zeros((height, width), np.float32))
    return np.stack(crops).astype(np.uint8)


def _trace(predictor: TorchPredictor, path: Path) -> None:
    """Write the graph."""
    network: FaceNetwork = deepcopy(predictor.network).cpu()
    if hasattr(network.model, 'refiner'):
        network.model.refiner.deployed = True  # without checks and loops
    width, height = predictor.info.input_size
    names = (INPUT, *OUTPUTS)
    with warnings.catch_warnings():
        # PyTorch's other exporter needs two more packages; sizes of maps are
        # constants on purpose
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
