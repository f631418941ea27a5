"""Test faces with a model's predictions and errors, for figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.runner import load_checkpoint
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import DATASETS, MODELS
from torch import Tensor

from ...evaluation.error_table import ErrorTable
from ...evaluation.faces import FaceResult, read_face
from ...evaluation.measures import MeasurePlan


class FaceErrors(NamedTuple):
    """N test faces and their errors.

    Attributes:
        faces (list[FaceResult]): Faces with true and predicted keypoints.
        errors (np.ndarray): Errors in percent, (N,), by the protocol of
            pixels and the dataset's main normaliser.
    """

    faces: list[FaceResult]
    errors: np.ndarray


def build_model(cfg: Config, checkpoint: str) -> BasePoseEstimator:
    """Build a model and load all its weights.

    Args:
        cfg (Config): Config of the experiment.
        checkpoint (str): Path of the weights.

    Returns:
        BasePoseEstimator: In evaluation mode, on a GPU if there is one.

    Raises:
        ValueError: If the weights belong to another model.
    """
    model = MODELS.build(cfg.model)
    try:
        load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
    except RuntimeError as error:
        reason = ' '.join(str(error).split())
        raise ValueError(
            f'checkpoint {checkpoint!r} does not fit {cfg.filename}: {reason[:200]} ...'
        ) from None
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return model.to(device).eval()


def batches(
    dataset: BaseDataset, indices: Iterable[int], size: int = 64
) -> Iterator[dict]:
    """Yield batches of a dataset like a data loader."""
    indices = list(indices)
    for begin in range(0, len(indices), size):
        chosen = indices[begin : begin + size]
        yield pseudo_collate([dataset[int(i)] for i in chosen])


def predict(
    model: BasePoseEstimator, dataset: BaseDataset, limit: int | None = None
) -> FaceErrors:
    """Test a model.

    Args:
        model (BasePoseEstimator): The model.
        dataset (BaseDataset): Faces, in test mode.
        limit (int, optional): Maximum number of faces, evenly spread.
    """
    faces = []
    with torch.no_grad():
        for batch in batches(dataset, spread(len(dataset), limit)):
            faces += [read_face(s.to_dict()) for s in model.test_step(batch)]
    return measure(faces, dataset)


def spread(count: int, limit: int | None) -> np.ndarray:
    """Return at most ``limit`` evenly spread indices below ``count``."""
    limit = min(limit or count, count)
    return np.linspace(0, count - 1, limit).round().astype(int)


def measure(faces: list[FaceResult], dataset: BaseDataset) -> FaceErrors:
    """Compute the errors of predicted faces."""
    table = ErrorTable(faces, MeasurePlan(dataset.metainfo))
    normaliser = next(iter(table.plan.normalisers))
    return FaceErrors(faces, table.errors('pixels', normaliser))


def join(parts: Sequence[FaceErrors]) -> FaceErrors:
    """Concatenate test sets."""
    return FaceErrors(
        [face for part in parts for face in part.faces],
        np.concatenate([part.errors for part in parts]),
    )


def build_dataset(cfg: Config, options: dict) -> BaseDataset:
    """Build the test set of a config, with changes by dotted key."""
    cfg = deepcopy(cfg)
    cfg.merge_from_dict(options)
    return DATASETS.build(cfg.test_dataloader.dataset)


def in_crop(face: FaceResult, points: np.ndarray) -> np.ndarray:
    """Convert positions (K, 2) from pixels of the image to pixels of the crop."""
    corner = face.centre - face.scale / 2
    return (points - corner) * (face.size / face.scale)


def probabilities(scores: Tensor) -> Tensor:
    """Return the softmax of score maps (..., H, W) over their cells."""
    return scores.flatten(-2).softmax(-1).view_as(scores)
