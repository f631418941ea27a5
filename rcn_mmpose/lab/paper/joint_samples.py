"""Figure 7: predictions of the network, the denoiser and the joint model."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch import Tensor

from ...evaluation.faces import read_face
from ...models import JointEstimator
from .difficulty import draw_grid, face_tile
from .tested_faces import FaceErrors, batches, measure, probabilities, spread

ROWS = ('RCN', 'denoiser', 'joint')
# Number of faces of each kind, as in the paper.
KINDS = {'RCN best': 2, 'mended': 5, 'made worse': 1, 'joint worst': 2}


def score_maps(model: JointEstimator, inputs: Tensor) -> dict[str, Tensor]:
    """Compute the score maps of the network, the denoiser and their sum.

    Args:
        model (JointEstimator): A joint model with ``rounds=1``.
        inputs (Tensor): Normalised crops of shape (B, C, H, W).

    Returns:
        dict[str, Tensor]: By :data:`ROWS`, each (B, K, H, W).
    """
    scores = model.head(model.extract_feat(inputs))
    added = model.denoise(scores)
    maps = (scores, added, scores + added)
    return dict(zip(ROWS, maps, strict=True))


def predict_all(
    model: JointEstimator, dataset: BaseDataset, limit: int | None = None
) -> dict[str, FaceErrors]:
    """Test the network, the denoiser and the joint model.

    Args:
        model (JointEstimator): A joint model with ``rounds=1``.
        dataset (BaseDataset): Faces, in test mode.
        limit (int, optional): Maximum number of faces, evenly spread.

    Returns:
        dict[str, FaceErrors]: By :data:`ROWS`.

    Raises:
        ValueError: If the model is not a joint model with ``rounds=1``.
    """
    if getattr(model, 'rounds', 0) != 1:
        raise ValueError(
            f'figure 7 needs a JointEstimator with rounds=1, not '
            f'{type(model).__name__} with {getattr(model, "rounds", "none")}.'
        )
    faces: dict[str, list] = {row: [] for row in ROWS}
    with torch.no_grad():
        for batch in batches(dataset, spread(len(dataset), limit), 16):
            data = model.data_preprocessor(batch, False)
            for row, scores in score_maps(model, data['inputs']).items():
                preds = model.head.decode(probabilities(scores.float()))
                samples = model.add_pred_to_datasample(
                    preds, None, deepcopy(data['data_samples'])
                )
                faces[row] += [read_face(s.to_dict()) for s in samples]
    return {row: measure(tested, dataset) for row, tested in faces.items()}


def choose(before: np.ndarray, after: np.ndarray) -> dict[str, list[int]]:
    """Choose the faces of the figure by rules; the paper chose by hand.

    Args:
        before (np.ndarray): Errors of the network in percent, (N,).
        after (np.ndarray): Errors of the joint model in percent, (N,).

    Returns:
        dict[str, list[int]]: Distinct faces by :data:`KINDS`: the smallest
        errors of the network, the largest gains, the largest loss, and among
        the other faces the largest errors of the joint model.

    Raises:
        ValueError: If there are too few faces.
    """
    wanted = sum(KINDS.values())
    if len(before) < wanted:
        raise ValueError(f'{len(before)} faces; figure 7 needs {wanted} or more.')
    chosen: dict[str, list[int]] = {}
    left = np.ones(len(before), bool)
    keys = (before, after - before, before - after, -after)
    for (kind, count), key in zip(KINDS.items(), keys, strict=True):
        order = np.argsort(np.where(left, key, np.inf), kind='stable')
        chosen[kind] = order[:count].tolist()
        left[chosen[kind]] = False
    return chosen


def draw(path: str, tested: dict[str, FaceErrors]) -> None:
    """Draw figure 7: one column per face, one row per model.

    Args:
        path (str): Path of the image.
        tested (dict[str, FaceErrors]): Of :func:`predict_all`.
    """
    chosen = choose(tested[ROWS[0]].errors, tested[ROWS[-1]].errors)
    heads = [kind for kind, faces in chosen.items() for _ in faces]
    places = [i for faces in chosen.values() for i in faces]
    rows, titles = [], []
    for row, (faces, errors) in tested.items():
        rows.append([face_tile(faces[i]) for i in places])
        titles.append(f'{row}\n{errors[places].mean():.2f} %')
    draw_grid(path, rows, titles, heads)
