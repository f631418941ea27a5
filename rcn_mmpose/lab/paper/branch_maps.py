"""Figure S1: score maps of SumNet's branches, their sum, and RCN's."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import Tensor

from ...evaluation.faces import read_face
from ...image.colours import OKABE_ITO
from ...io.image_files import write_figure
from ...models.heads import SumNetHead
from ...models.layers import tile
from .tested_faces import batches, in_crop, probabilities

TRUE, PREDICTED = OKABE_ITO['sky_blue'], OKABE_ITO['vermillion']
# Indices of eyes, nose tip and mouth corners, by the number of keypoints.
SHOWN = {5: (0, 1, 2, 3, 4), 68: (36, 45, 30, 48, 54)}


def branch_scores(model: BasePoseEstimator, inputs: Tensor) -> list[Tensor]:
    """Compute the summands of eq. 1.

    Args:
        model (BasePoseEstimator): A pose estimator with SumNet's head.
        inputs (Tensor): Normalised crops of shape (B, C, H, W).

    Returns:
        list[Tensor]: One tensor (B, K, H, W) per branch, coarsest first: the
        score maps of the branch, tiled and multiplied by their weights.

    Raises:
        ValueError: If the model has another head.
    """
    head = model.head
    if not isinstance(head, SumNetHead):
        raise ValueError(
            f'the first model has a {type(head).__name__}, not a SumNetHead: '
            'give a SumNet first, then an RCN.'
        )
    feats = model.extract_feat(inputs)
    size = inputs.shape[-2:]
    return [
        weight * tile(conv(x), size)
        for weight, conv, x in zip(head.alpha, head.last_conv, feats, strict=True)
    ][::-1]


def draw(
    path: str,
    sumnet: BasePoseEstimator,
    rcn: BasePoseEstimator,
    dataset: BaseDataset,
    index: int,
) -> None:
    """Draw figure S1 for one face.

    The rows are SumNet's branches from the coarsest to the finest, their sum,
    and RCN. On the left are the score maps, on the right their softmax, with
    one column per keypoint. Blue crosses mark the true keypoints. In the last
    two rows, vermillion crosses the predictions.

    Args:
        path (str): Path of the image.
        sumnet (BasePoseEstimator): A SumNet.
        rcn (BasePoseEstimator): An RCN for the same crops.
        dataset (BaseDataset): Faces, in test mode.
        index (int): Index of the face.
    """
    (batch,) = batches(dataset, [index])
    with torch.no_grad():
        inputs = sumnet.data_preprocessor(batch, False)['inputs']
        branches = branch_scores(sumnet, inputs)
        rows = {f'branch {number}': scores for number, scores in enumerate(branches, 1)}
        rows['SumNet: sum'] = functools.reduce(operator.add, branches)
        inputs = rcn.data_preprocessor(batch, False)['inputs']
        rows['RCN'] = rcn.head(rcn.extract_feat(inputs))
        (sample,) = sumnet.test_step(batch)
    face = read_face(sample.to_dict())
    truth = in_crop(face, face.truth)
    shown = SHOWN.get(len(truth), tuple(range(min(5, len(truth)))))
    _draw_maps(
        path,
        {name: scores[0, list(shown)].cpu() for name, scores in rows.items()},
        truth[list(shown)],
        predicted=('SumNet: sum', 'RCN'),
    )


def _draw_maps(
    path: str,
    rows: dict[str, Tensor],
    truth: np.ndarray,
    predicted: Sequence[str],
) -> None:
    """Draw score maps (K, H, W) and their softmax, one row per entry."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    count = len(truth)
    figure, axes = plt.subplots(
        len(rows),
        2 * count,
        figsize=(1.6 * count, 0.77 * len(rows)),
        dpi=150,
        squeeze=False,
        gridspec_kw=dict(
            wspace=0.05, hspace=0.05, left=0.09, right=1, bottom=0, top=0.95
        ),
    )
    for line, (name, scores) in zip(axes, rows.items(), strict=True):
        maps = [*scores, *probabilities(scores)]
        line[0].set_ylabel(name, rotation=0, ha='right', va='center', size=6)
        for place, (axis, image) in enumerate(zip(line, maps, strict=True)):
            axis.imshow(image, cmap='gray', interpolation='nearest')
            axis.set(xticks=[], yticks=[])
            x, y = truth[place % count]
            axis.plot(x, y, 'x', color=TRUE, ms=3, mew=0.6)
            if place >= count and name in predicted:
                row, column = divmod(int(image.argmax()), image.shape[1])
                axis.plot(
                    column, row, '+', color=OKABE_ITO['vermillion'], ms=4, mew=0.6
                )
    axes[0, count // 2].set_title('scores before the softmax', size=7)
    axes[0, count + count // 2].set_title('softmax', size=7)
    write_figure(path, figure)
    plt.close(figure)
