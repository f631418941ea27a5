"""Prediction with PyTorch, from crops to keypoints.

:class:`FaceNetwork` is one module from uint8 crops to keypoints: normalisation,
network, softmax and decoding. An exported model computes the same.
:class:`TorchPredictor` runs the module on a device.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from ..codecs import CellIndex
from ..codecs.decoding import read_scores
from ..environment.bfloat16 import INSTEAD, cpu_has_bfloat16
from ..environment.processes import spare_lost_threads
from ..image.crop import Prediction
from ..image.lcn import local_contrast_normalize
from ..models.data_preprocessors import LCNDataPreprocessor
from ..models.heads import ScoreMapHead, SoftArgmaxHead
from .by_path import TravelsByPath
from .loading import ModelInfo
from .split_upsampling import split_upsampling

if TYPE_CHECKING:
    from mmengine.config import Config

# Number of cells that fit the cache of a CPU: of the score maps that are decoded
# at once, and of the finest features of a batch.
DECODED_CELLS, FEATURE_CELLS = 2**19, 2**21
PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}


class FaceNetwork(nn.Module):
    """Local contrast normalisation, network, softmax and decoding in one module.

    Args:
        model (nn.Module): A ``TopdownPoseEstimator`` or
            ``rcn_mmpose.JointEstimator`` with an
            ``rcn_mmpose.LCNDataPreprocessor`` and a head of score maps; it is
            copied.
        precision (str): ``'fp32'`` or ``'bf16'``. With ``'bf16'`` the weights
            are rounded once and the convolutions of the network run in
            bfloat16; the rest (and a denoiser) runs in float32.
        flip_indices (list[int], optional): Indices of the keypoints in a
            mirrored image; needed if the model's ``test_cfg`` has
            ``flip_test``.
        split (bool): Whether to save multiplications, see
            :mod:`rcn_mmpose.inference.split_upsampling`. Defaults to True.

    Raises:
        ValueError: If the model has other parts, ``precision`` is not
            allowed, or ``flip_indices`` are needed.
    """

    def __init__(
        self,
        model: nn.Module,
        precision: str = 'fp32',
        flip_indices: list[int] | None = None,
        split: bool = True,
    ) -> None:
        super().__init__()
        if precision not in PRECISIONS:
            raise ValueError(
                f'precision={precision!r}; choose one of {(*PRECISIONS,)}.'
            )
        head = getattr(model, 'head', None)
        if (
            not isinstance(head, ScoreMapHead)
            or not isinstance(model.data_preprocessor, LCNDataPreprocessor)
            or not isinstance(head.decoder, CellIndex)
        ):
            raise ValueError(
                'the predictor takes a model of an '
                'rcn_mmpose.LCNDataPreprocessor and an '
                'rcn_mmpose.SpatialSoftmaxHead (or another ScoreMapHead) whose '
                'decoder is an rcn_mmpose.CellIndex; this model has '
                f'{type(model.data_preprocessor).__name__} and '
                f"{type(head).__name__}. Use MMPose's inference_topdown."
            )
        # Any: the parts of an MMPose model have no types.
        copied: Any = split_upsampling(model) if split else deepcopy(model)
        dtype = PRECISIONS[precision]
        for part in (copied.backbone, copied.head, getattr(copied, 'neck', None)):
            if part is not None:
                part.to(dtype, memory_format=torch.channels_last)
        self.model: Any = copied.eval().requires_grad_(False)
        self.dtype = dtype
        codec = head.decoder
        self.stride = codec.stride
        self.radius_cells = codec.score_radius_cells
        self.calibration = codec.calibration
        self.window = codec.window if codec.decoding == 'local' else None
        self.beta = 1.0
        if isinstance(head, SoftArgmaxHead):
            self.window, self.beta = 0, head.loss_module.beta
        self.flip_indices = None
        if copied.test_cfg.get('flip_test', False):
            if flip_indices is None:
                raise ValueError(
                    'the model averages over mirrored crops (flip_test), but '
                    'the mirror pairs of its keypoints are unknown; set '
                    'model.test_cfg.flip_test=False.'
                )
            self.flip_indices = list(flip_indices)

    def best_batch_size(self) -> int:
        """Return the batch size with the best throughput on a CPU, 1 to 64.

        A larger batch would not fit the cache: 20 for the paper's model of 5
        keypoints, 4 for its model of 68.
        """
        width, height = self.model.head.decoder.heatmap_size
        channels = self.model.head.out_channels
        features = self.model.head.in_channels
        if isinstance(features, int):
            channels = max(channels, features)
        faces = FEATURE_CELLS // (channels * width * height)
        return min(max(1, faces), 64)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict the keypoints of crops.

        Args:
            crops (Tensor): Grey, uint8 of shape (B, H, W).

        Returns:
            tuple[Tensor, Tensor, Tensor]: Keypoints (B, K, 2) in pixels of
            the crop, confidence (B, K), covariance (B, K, 2, 2) in squared
            pixels of the crop; float32.
        """
        scores = self.scores(crops)
        parts = [scores]
        if not torch.onnx.is_in_onnx_export() and scores.is_cpu:
            parts = scores.split(max(1, DECODED_CELLS // scores[0].numel()))
        options = self.window, self.radius_cells, self.calibration
        read = [read_scores(part, *options) for part in parts]
        positions, confidence, covariance = map(torch.cat, zip(*read, strict=True))
        keypoints = positions * self.stride + (self.stride - 1) / 2
        return keypoints, confidence, covariance * self.stride**2

    def scores(self, crops: Tensor) -> Tensor:
        """Return score maps; the softmax of a score map is its probability map.

        Args:
            crops (Tensor): Grey, uint8 of shape (B, H, W).

        Returns:
            Tensor: Score maps (B, K, H, W).
        """
        x = local_contrast_normalize(crops[:, None]).to(self.dtype)
        # With one channel, only the strides tell PyTorch that the layout is
        # channels-last.
        x = x.reshape(*crops.shape, 1).permute(0, 3, 1, 2)
        scores = self.model._forward(x)
        if self.flip_indices is None:
            return scores if self.beta == 1 else scores.float() * self.beta
        mirrored = self.model._forward(x.flip(-1)).flip(-1)
        both = scores, mirrored[:, self.flip_indices]
        maps = [(self.beta * s.flatten(2).float()).softmax(-1) for s in both]
        # The softmax of the logarithm is the mean again.
        return ((maps[0] + maps[1]) / 2).log().view_as(scores)


class TorchPredictor(TravelsByPath):
    """Find keypoints with a trained model, by PyTorch.

    A forked process computes in one thread of PyTorch.

    Args:
        model (nn.Module): The model; it is copied.
        info (ModelInfo): Description of the model.
        precision (str): See :class:`FaceNetwork`. On a CPU without bfloat16
            instructions, ``'bf16'`` gives a warning and float32.
        device (str): Where the network runs.
        flip_indices (list[int], optional): See :class:`FaceNetwork`.
        batch_size (int, optional): Faces in a batch of the network. The
            default fits the cache of a CPU.
        **options (Any): Options of
            :class:`~rcn_mmpose.inference.predictor.Predictor`.

    Raises:
        ValueError: If the device does not exist, or an option is not allowed.
    """

    opened = 'network'
    path = ''  # until remember() is called

    def __init__(
        self,
        model: nn.Module,
        info: ModelInfo,
        precision: str = 'fp32',
        device: str = 'cpu',
        flip_indices: list[int] | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        on_cpu = str(device).partition(':')[0] == 'cpu'
        if precision == 'bf16' and on_cpu and not cpu_has_bfloat16():
            warnings.warn(
                f"precision='bf16': {INSTEAD}; the model computes in float32.",
                stacklevel=2,
            )
            precision = 'fp32'
        network = FaceNetwork(model, precision, flip_indices)
        if batch_size is None:
            batch_size = network.best_batch_size()
        super().__init__(info, batch_size, **options)
        self.precision = precision
        try:
            self.device = torch.device(device)
            self.network = network.to(self.device)
        except (AssertionError, RuntimeError) as error:
            # The further lines of PyTorch's message are for debugging.
            reason = f'{error}'.partition('\n')[0]
            raise ValueError(
                f'device={device!r} cannot be used here ({reason}); give one '
                f'of {", ".join(available_devices())}.'
            ) from error

    def remember(
        self,
        config: str | os.PathLike | Config | None,
        checkpoint: str | os.PathLike,
        record: Mapping,
    ) -> None:
        """Note the files of the model, by which a pickle finds its weights.

        Args:
            config: The config, or None for the config in the checkpoint.
            checkpoint: The checkpoint.
            record (Mapping): Its size and sha256.
        """
        self.config = config
        if isinstance(config, (str, os.PathLike)):
            self.config = os.path.abspath(config)
        self.path = os.path.abspath(checkpoint)
        self.record = record

    def _open(self) -> None:
        """Load the network from its files."""
        from .estimator import load_torch_predictor

        options = dict(precision=self.precision, device=str(self.device))
        box_rule = self.info.box_rule
        twin = load_torch_predictor(self.config, self.path, box_rule, **options)
        for name in ('input_size', 'keypoints', 'radius', 'calibration'):
            if getattr(twin.info, name) != getattr(self.info, name):
                raise ValueError(
                    f'config {self.config!r} has changed since this predictor was '
                    f'loaded: {name} differs. Load it again.'
                )
        self.network = twin.network

    def __deepcopy__(self, memo: dict[int, Any]) -> TorchPredictor:
        """Copy the network in memory."""
        twin = memo[id(self)] = object.__new__(type(self))
        vars(twin).update(deepcopy(vars(self), memo))
        return twin

    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch."""
        spare_lost_threads()
        with torch.inference_mode():
            batch = torch.from_numpy(crops).to(self.device)
            keypoints, confidence, covariance = self.network(batch)
            return (
                keypoints.cpu().numpy(),
                confidence.cpu().numpy(),
                covariance.cpu().numpy(),
            )


def available_devices() -> list[str]:
    """Return the names of the devices on which a network can run."""
    kind = torch.accelerator.current_accelerator()
    if kind is None:  # PyTorch was built for the CPU only
        return ['cpu']
    count = torch.accelerator.device_count()
    return ['cpu', *(f'{kind.type}:{i}' for i in range(count))]
