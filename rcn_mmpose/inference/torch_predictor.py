"""Prediction by PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from .face_network import FaceNetwork
from .model_info import ModelInfo
from .predictor import Prediction, Predictor


class TorchPredictor(Predictor):
    """Finds keypoints by a trained model of this project.

    Args:
        model (nn.Module): The model; it is copied.
        info (ModelInfo): What is to be known of it.
        precision (str): See :class:`~.face_network.FaceNetwork`.
        device (str): Where it runs.
        flip_indices (list[int], optional): See there.
        batch_size (int, optional): Faces that go through the network at once.
            Defaults to what suits the cache of a CPU.
        **options (Any): Those of :class:`~.predictor.Predictor`.

    Raises:
        ValueError: If there is no such device here, or an option is wrong.
    """

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
        network = FaceNetwork(model, precision, flip_indices)
        if batch_size is None:
            batch_size = network.best_batch_size()
        super().__init__(info, batch_size, **options)
        try:
            self.device = torch.device(device)
            self.network = network.to(self.device)
        except (AssertionError, RuntimeError) as error:
            # the rest of what PyTorch says is for those who debug it
            reason = f'{error}'.partition('\n')[0]
            raise ValueError(
                f'device={device!r} cannot be used here ({reason}); give one '
                f'of {", ".join(available_devices())}.'
            ) from error

    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch."""
        with torch.inference_mode():
            batch = torch.from_numpy(crops).to(self.device)
            return tuple(x.cpu().numpy() for x in self.network(batch))


def available_devices() -> list[str]:
    """Name the devices on which a network can run here."""
    kind = torch.accelerator.current_accelerator()
    if kind is None:  # PyTorch was built for the CPU alone
        return ['cpu']
    count = torch.accelerator.device_count()
    return ['cpu', *(f'{kind.type}:{i}' for i in range(count))]
