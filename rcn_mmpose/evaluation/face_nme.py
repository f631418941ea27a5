"""Mean error in percent of the eye distance, by two protocols."""
from typing import Dict, List, Optional, Sequence

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
      count), the eye distance measured in the crop.
    - ``NME_pixels_eyes``: today's. Continuous positions in pixels of the
      picture.

    The eyes are ``metainfo['eyes']`` of the data set: for MTFL the two eye
    points, for 68 points the midpoints of the eye corners. This is not the
    outer-corner distance of MMPose's 300W numbers.

    Args:
        collect_device (str): ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``.
        prefix (str, optional): Put before the names. Defaults to None.

    Raises:
        ValueError: If the data set names no eyes, or a face has no distance
            between them.
    """

    default_prefix = ''  # the names are clear by themselves

    def __init__(
        self, collect_device: str = 'cpu', prefix: Optional[str] = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(
        self, data_batch: Optional[dict], data_samples: Sequence[dict]
    ) -> None:
        """Keep what is needed of a batch, one entry a face."""
        for sample in data_samples:
            truth, pred = sample['gt_instances'], sample['pred_instances']
            self.results.append(
                dict(
                    img_path=sample.get('img_path'),
                    visible=np.asarray(truth['keypoints_visible'])[0] > 0,
                    truth=np.asarray(truth['keypoints'])[0, :, :2],
                    pred=np.asarray(pred['keypoints'])[0, :, :2],
                    cells=np.asarray(pred['keypoint_cells'])[0],
                    size=np.asarray(sample['input_size']),
                    centre=np.asarray(sample['input_center']),
                    scale=np.asarray(sample['input_scale']),
                )
            )

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Compute both errors.

        Args:
            results (list[dict]): One entry a face.

        Returns:
            dict[str, float]: In percent.
        """
        eyes = (self.dataset_meta or {}).get('eyes')
        if eyes is None:
            raise ValueError(
                'the data set names no eyes to normalise by; add eyes=((left '
                'indices), (right indices)) to its metainfo.'
            )
        listed = self.dataset_meta.get('faces_listed', len(results))
        MMLogger.get_current_instance().info(
            f'{self.dataset_meta.get("dataset_name")}: evaluated '
            f'{len(results)} of {listed} faces listed.'
        )
        errors = np.array([_face_errors(face, eyes) for face in results])
        cells, pixels = 100 * errors.mean(0)
        return dict(NME_cells_eyes=cells, NME_pixels_eyes=pixels)


def _face_errors(face: dict, eyes: Sequence) -> tuple[float, float]:
    """Return the errors of a face by both protocols, as parts of 1."""
    truth, visible = face['truth'].astype(np.float64), face['visible']
    if not visible.any():
        raise ValueError(f'face in {face["img_path"]!r}: nothing is visible.')
    # the way of TopdownAffine without rotation: corner of the box to (0, 0)
    zoom = face['size'] / face['scale']
    crop = (truth - face['centre'] + face['scale'] / 2) * zoom
    errors = []
    for pred, true, points in (
        (face['cells'], np.floor(crop + 0.5), crop),
        (face['pred'], truth, truth),
    ):
        left, right = (points[list(i)].mean(0) for i in eyes)
        distance = np.linalg.norm(left - right)
        if not distance > 0:
            raise ValueError(
                f'face in {face["img_path"]!r}: the true eyes coincide at '
                f'{left.tolist()}; correct or remove it.'
            )
        error = np.linalg.norm(pred - true, axis=-1)[visible].mean()
        errors.append(error / distance)
    return errors[0], errors[1]
