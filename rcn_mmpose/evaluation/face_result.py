"""What is kept of a tested face until all are tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np


class FaceResult(NamedTuple):
    """One face, its truth and its prediction; no maps.

    Attributes:
        dataset (str): Name of the data set.
        id (int | None): Of the annotation; unique in the data set.
        img_path (str): The picture.
        box (np.ndarray | None): The annotated box, (x1, y1, x2, y2).
        visible (np.ndarray): Which keypoints are labelled, bool (K,).
        truth (np.ndarray): In pixels of the picture, float64 (K, 2).
        pred (np.ndarray): The same.
        cells (np.ndarray | None): Predicted cells (x, y) of the crop, (K, 2);
            None if the maps are coarser than the crop.
        size (np.ndarray): Width and height of the crop in its own pixels.
        centre (np.ndarray): Of the crop in the picture.
        scale (np.ndarray): Width and height of the crop in the picture.
        labels (dict): What the annotation says in the fields asked for.
    """

    dataset: str
    id: int | None
    img_path: str
    box: np.ndarray | None
    visible: np.ndarray
    truth: np.ndarray
    pred: np.ndarray
    cells: np.ndarray | None
    size: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    labels: dict[str, Any]


def read_face(sample: dict, fields: Iterable[str] = ()) -> FaceResult:
    """Take from a tested sample what its errors need.

    Args:
        sample (dict): A ``PoseDataSample`` as a dict, as metrics and
            ``DumpResults`` get it.
        fields (Iterable[str]): Fields of the annotation to keep, such as
            ``'attributes.pose'``.

    Returns:
        FaceResult: The face.
    """
    truth, pred = sample['gt_instances'], sample['pred_instances']
    keypoints = np.asarray(truth['keypoints'], np.float64)[0, :, :2]
    visible = np.asarray(truth['keypoints_visible'])[0]
    box, cells = truth.get('bboxes'), pred.get('keypoint_cells')
    return FaceResult(
        dataset=sample.get('dataset_name') or '',
        id=sample.get('id'),
        img_path=sample.get('img_path') or '',
        box=None if box is None else np.asarray(box, np.float64)[0],
        visible=visible.reshape(len(keypoints), -1)[:, 0] > 0,
        truth=keypoints,
        pred=np.asarray(pred['keypoints'], np.float64)[0, :, :2],
        cells=None if cells is None else np.asarray(cells)[0],
        size=np.asarray(sample['input_size'], np.float64),
        centre=np.asarray(sample['input_center'], np.float64),
        scale=np.asarray(sample['input_scale'], np.float64),
        labels={
            field: _look_up(sample.get('raw_ann_info'), field)
            for field in fields
        },
    )


def one_per_face(
    results: Iterable[FaceResult], size: int | None = None
) -> list[FaceResult]:
    """Keep one result a face, in the order of their ids.

    Samplers repeat faces to give all processes equally many; which ones
    depends on the number of processes.

    Args:
        results (Iterable[FaceResult]): Of all processes, in any order.
        size (int, optional): Faces of the data set, if known.

    Returns:
        list[FaceResult]: Each face once.

    Raises:
        ValueError: If a face has no id, two faces have the same, or some of
            the data set are missing though enough were tested.
    """
    results = list(results)
    found: dict[tuple, FaceResult] = {}
    for face in results:
        if face.id is None:
            raise ValueError(
                f'face in {face.img_path!r}: it carries no id, by which faces '
                "that are tested twice are found; add 'id' to the meta_keys "
                'of PackPoseInputs.'
            )
        first = found.setdefault((face.dataset, face.id), face)
        if first.img_path != face.img_path or not np.array_equal(
            first.truth, face.truth, equal_nan=True
        ):
            raise ValueError(
                f'id {face.id} stands for two faces, in {first.img_path!r} '
                f'and in {face.img_path!r}; give each annotation of '
                f'{face.dataset!r} an id of its own.'
            )
    if size is not None and len(found) < size <= len(results):
        raise ValueError(
            f'{len(results)} results are of {len(found)} faces, but the data '
            f'set has {size}: some annotations have the same id or stand '
            'twice; give each face one annotation with an id of its own.'
        )
    return [found[key] for key in sorted(found)]


def _look_up(annotation: dict | None, field: str) -> Any:
    """Read a dotted field; None if it is not there."""
    value: Any = annotation
    for key in field.split('.'):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value
