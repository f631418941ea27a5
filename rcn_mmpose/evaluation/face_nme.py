"""Mean error in percent of the eye distance, by two protocols."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from ..registry import METRICS


@METRICS.register_module()
class FaceNME(BaseMetric):
    """Normalised mean error of faces (paper, eq. 4), in percent.

    The error of a face is the mean over its visible keypoints of the distance
    to the truth, divided by the true distance between the eyes' centres; the
    error of a set is the mean over its faces. Two protocols side by side:

    - ``NME_cells_eyes``: the paper's. The best cell of the crop against the
      true keypoint's cell, both whole numbers (so errors below a cell do not
      count), the eye distance measured in the crop. Left out if the model
      does not predict one cell for each pixel of the crop.
    - ``NME_pixels_eyes``: today's. Continuous positions in pixels of the
      picture.

    The eyes are ``metainfo['eyes']`` of the data set: for MTFL the two eye
    points, for 68 points the midpoints of the eye corners. This is not the
    outer-corner distance of MMPose's 300W numbers.

    Args:
        eyes (Sequence, optional): Two groups of keypoint indices, for data
            sets whose metainfo has none, as MMPose's own.
        collect_device (str): ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``.
        prefix (str, optional): Put before the names. Defaults to None.

    Raises:
        ValueError: If the data set names no eyes, or a face has no distance
            between them.
    """

    default_prefix = ''  # the names are clear by themselves

    def __init__(
        self,
        eyes: Sequence | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.eyes = eyes

    def process(
        self, data_batch: dict | None, data_samples: Sequence[dict]
    ) -> None:
        """Keep what is needed of a batch, one entry a face."""
        self.results += [read_face(sample) for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute both errors.

        Args:
            results (list[dict]): One entry a face.

        Returns:
            dict[str, float]: In percent.
        """
        eyes = self.eyes or (self.dataset_meta or {}).get('eyes')
        if eyes is None:
            raise ValueError(
                'the data set names no eyes to normalise by; give FaceNME '
                'eyes=((left indices), (right indices)), or the metainfo of '
                'the data set.'
            )
        listed = self.dataset_meta.get('faces_listed', len(results))
        MMLogger.get_current_instance().info(
            f'{self.dataset_meta["dataset_name"]} '
            f'({self.dataset_meta.get("list_name") or "unnamed list"}): '
            f'evaluated {len(results)} of {listed} faces listed.'
        )
        errors = np.array([face_errors(face, eyes) for face in results])
        names = ('NME_pixels_eyes', 'NME_cells_eyes')
        return dict(zip(names, 100 * errors.mean(0), strict=False))


def read_face(sample: dict) -> dict:
    """Take from a tested sample what its errors need.

    Args:
        sample (dict): A ``PoseDataSample`` as a dict, as metrics and
            ``DumpResults`` get it.

    Returns:
        dict: ``img_path``; ``visible`` (K,), ``truth`` and ``pred`` (K, 2)
        in pixels of the picture; ``cells`` (K, 2) of the crop or None;
        ``size``, ``centre`` and ``scale`` (2,) of the crop.
    """
    truth, pred = sample['gt_instances'], sample['pred_instances']
    cells = pred.get('keypoint_cells')
    return dict(
        img_path=sample.get('img_path'),
        visible=np.asarray(truth['keypoints_visible'])[0] > 0,
        truth=np.asarray(truth['keypoints'])[0, :, :2],
        pred=np.asarray(pred['keypoints'])[0, :, :2],
        cells=None if cells is None else np.asarray(cells)[0],
        size=np.asarray(sample['input_size']),
        centre=np.asarray(sample['input_center']),
        scale=np.asarray(sample['input_scale']),
    )


def face_errors(face: dict, eyes: Sequence) -> list[float]:
    """Compute the error of a face by each protocol.

    Args:
        face (dict): From :func:`read_face`.
        eyes (Sequence): Two groups of keypoint indices.

    Returns:
        list[float]: Error in pixels and, if known, in cells; as a part of
        the eye distance.

    Raises:
        ValueError: If no keypoint is visible or the eyes coincide.
    """
    truth, visible = face['truth'].astype(np.float64), face['visible']
    if not visible.any():
        raise ValueError(f'face in {face["img_path"]!r}: nothing is visible.')
    left, right = (truth[list(indices)].mean(0) for indices in eyes)
    distance = np.linalg.norm(left - right)
    if not distance > 0:
        raise ValueError(
            f'face in {face["img_path"]!r}: the true eyes coincide at '
            f'{left.tolist()}; correct or remove it.'
        )

    def mean_distance(pred: np.ndarray, true: np.ndarray) -> float:
        return np.linalg.norm(pred - true, axis=-1)[visible].mean()

    errors = [mean_distance(face['pred'], truth) / distance]
    if face['cells'] is not None:
        # as in TopdownAffine without rotation: the box's corner goes to (0, 0)
        corner = face['centre'] - face['scale'] / 2
        zoom = face['size'] / face['scale']
        cells = np.floor((truth - corner) * zoom + 0.5)
        error = mean_distance(face['cells'], cells)
        errors.append(error / (distance * zoom[0]))
    return errors
