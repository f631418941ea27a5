"""Codec between keypoints and cells of a map.

Coordinates are MMPose's: x before y, (0, 0) is the centre of the top-left
pixel. Cell j of a map with stride s has its centre at s * j + (s - 1) / 2::

    stride 1   pixel  |  0  |  1  |  2  |  3  |    cell = pixel
               cell   |  0  |  1  |  2  |  3  |
    stride 2   pixel  |  0  |  1  |  2  |  3  |    centre of cell 0: 0.5
               cell   |     0     |     1     |

With s = 1, as in RCN, the cell of a keypoint is floor(x + 0.5).
"""

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor

from ..environment.renamed import renamed_property
from ..registry import KEYPOINT_CODECS
from .calibration import Calibration
from .decoding import best_cells, local_expectation, mass_within


@KEYPOINT_CODECS.register_module()
class CellIndex(BaseKeypointCodec):
    """Encode keypoints as target cells, decode probability maps.

    Encoded keys (N = 1 face, C = 1 or 4 target cells a keypoint):

    - ``keypoint_cells`` (N, K, C) int64: flat indices ``row * W + column``
    - ``keypoint_cell_weights`` (N, K, C) float32: they sum to 1
    - ``keypoint_weights`` (N, K) float32: 0 for a keypoint that is ignored

    Args:
        input_size (tuple): Width and height of the crop in pixels.
        heatmap_size (tuple, optional): Width and height of the maps;
            ``input_size`` must be a whole multiple. Defaults to
            ``input_size``.
        target (str): ``'one'`` cell, as in the paper, or ``'four'`` cells
            around the keypoint with bilinear weights, which keep the exact
            position.
        decoding (str): ``'argmax'``: the centre of the best cell, as in the
            paper; ``'local'``: the expectation in a window around it.
        window (int): Odd side of that window in cells. Defaults to 5.
        outside (str): Rule for a keypoint outside the crop: ``'clamp'``
            moves its target to the border cell, as in the paper; ``'mask'``
            gives the keypoint weight 0.
        score_radius (float): The score of a keypoint is the probability mass
            within this distance, in pixels of the crop, but at least within
            1.5 cells, which include the four cells around the keypoint.
            Defaults to 3. The property ``score_radius_cells`` is the same
            radius in cells.
        calibration (dict, optional): Arguments of
            :class:`~rcn_mmpose.codecs.calibration.Calibration`, which makes
            scores calibrated probabilities; ``tools/calibrate.py`` finds the
            values. Keypoints do not depend on the calibration. Defaults to
            none.

    Raises:
        ValueError: If a value is not allowed.
    """

    label_mapping_table = dict(
        keypoint_cells='keypoint_cells',
        keypoint_cell_weights='keypoint_cell_weights',
        keypoint_weights='keypoint_weights',
    )

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int] | None = None,
        target: str = 'one',
        decoding: str = 'local',
        window: int = 5,
        outside: str = 'clamp',
        score_radius: float = 3.0,
        calibration: dict | None = None,
    ) -> None:
        super().__init__()
        heatmap_size = heatmap_size or input_size
        strides = {n / m for n, m in zip(input_size, heatmap_size, strict=True)}
        if len(strides) > 1 or not min(strides).is_integer():
            raise ValueError(
                f'input_size={tuple(input_size)} is not one whole multiple '
                f'of heatmap_size={tuple(heatmap_size)}.'
            )
        for name, value, allowed in (
            ('target', target, ('one', 'four')),
            ('decoding', decoding, ('argmax', 'local')),
            ('outside', outside, ('clamp', 'mask')),
        ):
            if value not in allowed:
                raise ValueError(f'{name}={value!r}; choose one of {allowed}.')
        if window < 1 or window % 2 == 0:
            raise ValueError(f'window={window} must be odd and positive.')
        self.heatmap_size = tuple(heatmap_size)
        self.stride = int(min(strides))
        self.target = target
        self.decoding = decoding
        self.window = window
        self.outside = outside
        self.score_radius = score_radius
        self.calibration = None
        if calibration is not None:
            self.calibration = Calibration(**calibration)

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
    ) -> dict:
        """Encode keypoints as target cells.

        Args:
            keypoints (np.ndarray): Positions (x, y) in pixels of the crop,
                of shape (1, K, 2).
            keypoints_visible (np.ndarray, optional): Visibility of shape
                (1, K); the loss ignores keypoints of value 0. Defaults to 1.

        Returns:
            dict: The encoded keys listed in the docstring of the class.

        Raises:
            ValueError: If there is more than one face, or the position of a
                visible keypoint is not finite.
        """
        if keypoints.ndim != 3 or keypoints.shape[0] != 1:
            raise ValueError(
                f'keypoints of shape {keypoints.shape}; CellIndex encodes one '
                'face, (1, K, 2).'
            )
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], np.float32)
        weights = (keypoints_visible > 0).astype(np.float32)

        finite = np.isfinite(keypoints[..., :2]).all(-1)
        if (weights > 0)[~finite].any():
            raise ValueError(
                f'keypoints {np.argwhere(~finite)[:, 1].tolist()} are not '
                'finite; mark them with visibility 0 or correct them.'
            )
        last = np.array(self.heatmap_size) - 1
        grid = (
            np.where(finite[..., None], keypoints[..., :2], 0) - (self.stride - 1) / 2
        ) / self.stride
        if self.outside == 'mask':
            cell = np.floor(grid + 0.5)
            weights *= ((cell >= 0) & (cell <= last)).all(-1)

        if self.target == 'one':
            corner = np.clip(np.floor(grid + 0.5), 0, last)
            cells = corner[..., None, :]
            cell_weights = np.ones(cells.shape[:-1])
        else:
            grid = np.clip(grid, 0, last)
            corner = np.minimum(np.floor(grid), np.maximum(last - 1, 0))
            part = grid - corner
            step = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
            cells = np.minimum(corner[..., None, :] + step, last)
            cell_weights = np.where(
                step, part[..., None, :], 1 - part[..., None, :]
            ).prod(-1)
        index = cells[..., 1] * self.heatmap_size[0] + cells[..., 0]
        return dict(
            keypoint_cells=index.astype(np.int64),
            keypoint_cell_weights=cell_weights.astype(np.float32),
            keypoint_weights=weights.astype(np.float32),
        )

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode the probability maps (K, H, W) of one face.

        Returns:
            tuple: Keypoints (1, K, 2) in pixels of the crop, scores (1, K).
        """
        keypoints, scores = self.batch_decode(torch.as_tensor(encoded)[None])
        return keypoints[0], scores[0]

    def batch_decode(self, batch_encoded: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Decode the probability maps of a batch.

        Args:
            batch_encoded (Tensor): Probability maps (after the softmax, so
                not negative), of shape (B, K, H, W).

        Returns:
            tuple[np.ndarray, np.ndarray]: Keypoints (B, 1, K, 2) in pixels of
            the crop and scores (B, 1, K) in [0, 1].
        """
        maps = batch_encoded.detach().float()
        if maps.shape[-2:] != self.heatmap_size[::-1]:
            raise ValueError(
                f'maps of {maps.shape[-1]}x{maps.shape[-2]} cells, but the '
                f'codec expects {self.heatmap_size[0]}x'
                f'{self.heatmap_size[1]}; set its input_size and '
                'heatmap_size to those of the network.'
            )
        cells = best_cells(maps)
        grid = cells.to(maps.dtype)
        if self.decoding == 'local':
            grid = local_expectation(maps, cells, self.window)
        scores = self.scores(maps, grid)
        keypoints = grid * self.stride + (self.stride - 1) / 2
        return keypoints[:, None].cpu().numpy(), scores[:, None].cpu().numpy()

    @property
    def score_radius_cells(self) -> float:
        """``score_radius`` in cells, at least 1.5."""
        return max(self.score_radius / self.stride, 1.5)

    radius = renamed_property('radius', 'score_radius_cells')

    def scores(self, maps: Tensor, positions: Tensor) -> Tensor:
        """Return the confidence: the probability mass near each keypoint.

        Args:
            maps (Tensor): Probability maps, (B, K, H, W).
            positions (Tensor): The keypoints (x, y) in cells, (B, K, 2).

        Returns:
            Tensor: Confidence in [0, 1], of shape (B, K).
        """
        if self.calibration is not None:
            maps = self.calibration.maps(maps)
        return mass_within(maps, positions, self.score_radius_cells)
