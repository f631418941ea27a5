"""Figure S1: what each branch of SumNet says, and what RCN says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...evaluation.faces import read_face
from ...models.heads import SumNetHead
from ...models.layers import tile
from .tested_faces import batches, in_crop, probabilities

# eyes, nose tip, corners of the mouth
SHOWN = {5: (0, 1, 2, 3, 4), 68: (36, 45, 30, 48, 54)}


def branch_scores(model: torch.nn.Module, inputs: Tensor) -> list[Tensor]:
    """Compute the summands of eq. 1.

    Args:
        model (torch.nn.Module): A SumNet, pose estimator.
        inputs (Tensor): Normalised crops of shape (B, C, H, W).

    Returns:
        list[Tensor]: One a branch, coarsest first, each (B, K, H, W):
        its score maps, tiled up and times their weights.

    Raises:
        ValueError: If the model has no such head.
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
    sumnet: torch.nn.Module,
    rcn: torch.nn.Module,
    dataset: Sequence,
    index: int,
) -> None:
    """Draw figure S1 for one face.

    Rows: the branches of SumNet from the coarsest to the finest, their sum,
    RCN. Left score maps, right their softmax, one column a keypoint. True
    keypoints are green crosses; in the last two rows red ones are
    predictions.

    Args:
        path (str): The image.
        sumnet (torch.nn.Module): A SumNet.
        rcn (torch.nn.Module): An RCN for the same crops.
        dataset (Sequence): Of faces, in test mode.
        index (int): Which of them.
    """
    (batch,) = batches(dataset, [index])
    with torch.no_grad():
        inputs = sumnet.data_preprocessor(batch, False)['inputs']
        branches = branch_scores(sumnet, inputs)
        rows = {f'branch {number}': scores for number, scores in enumerate(branches, 1)}
        rows['SumNet: sum'] = sum(branches)
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
    """Draw score maps (K, H, W) and their softmax, a row each."""
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
            axis.plot(x, y, 'x', color='lime', ms=3, mew=0.6)
            if place >= count and name in predicted:
                row, column = divmod(int(image.argmax()), image.shape[1])
                axis.plot(column, row, '+', color='red', ms=4, mew=0.6)
    axes[0, count // 2].set_title('scores before the softmax', size=7)
    axes[0, count + count // 2].set_title('softmax', size=7)
    figure.savefig(path)
    plt.close(figure)
