"""Results of single faces, and rules that name subsets of the faces of a test.

A rule is a dict with one of

- ``path``: a pattern for the path of the image, such as ``'*/lfpw/testset/*'``;
- ``file``: a text file with one image per line, named by the end of its path;
- ``field`` and ``values``: a field of the annotation, such as
  ``'attributes.pose'``, and the values that belong to the subset;

and optionally ``count``, the number of faces in the subset. A test of fewer faces
is then not taken for the whole subset.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

# Keys of a rule, besides `count`.
RULE_FORMS = ({'path'}, {'file'}, {'field', 'values'})


class FaceResult(NamedTuple):
    """Truth and prediction of one face, without score maps.

    Attributes:
        dataset (str): Name of the dataset.
        id (int | None): Id of the annotation; unique in the dataset.
        img_path (str): Path of the image.
        box (np.ndarray | None): The annotated box, (x1, y1, x2, y2).
        visible (np.ndarray): Whether each keypoint is labelled, bool (K,).
        truth (np.ndarray): True keypoints in pixels of the image, float64
            (K, 2).
        pred (np.ndarray): Predicted keypoints, as ``truth``.
        cells (np.ndarray | None): Predicted cells (x, y) of the crop, (K, 2);
            None if the score maps are coarser than the crop.
        size (np.ndarray): Width and height of the crop in pixels of the crop.
        centre (np.ndarray): Centre of the crop in pixels of the image.
        scale (np.ndarray): Width and height of the crop in pixels of the image.
        labels (dict): Values of the requested annotation fields.
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
    """Read the truth and the prediction of a tested sample.

    Args:
        sample (dict): A ``PoseDataSample`` as a dict, as metrics and
            ``DumpResults`` receive it.
        fields (Iterable[str]): Annotation fields to keep, such as
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
        labels={field: _look_up(sample.get('raw_ann_info'), field) for field in fields},
    )


def one_per_face(
    results: Iterable[FaceResult], size: int | None = None
) -> list[FaceResult]:
    """Remove duplicate results of a face, and sort the faces by id.

    Samplers repeat faces so that all processes test the same number of faces.
    The repeated faces depend on the number of processes. Faces of different images
    are different faces, even if their ids are equal, as in two annotation files that
    are tested together and both count from 1.

    Args:
        results (Iterable[FaceResult]): Results of all processes, in any order.
        size (int, optional): Number of faces in the dataset, if known.

    Returns:
        list[FaceResult]: One result per face.

    Raises:
        ValueError: If a face has no id, if two faces of an image have the same id,
            or if there are enough results but faces of the dataset are missing.
    """
    results = list(results)
    found: dict[tuple, FaceResult] = {}
    for face in results:
        if face.id is None:
            raise ValueError(
                f'face in {face.img_path!r}: the sample carries no id, which is '
                "needed to find faces that are tested twice; add 'id' to the "
                'meta_keys of PackPoseInputs.'
            )
        first = found.setdefault((face.dataset, face.id, face.img_path), face)
        if not np.array_equal(first.truth, face.truth, equal_nan=True):
            raise ValueError(
                f'id {face.id} belongs to two faces of {face.img_path!r}. Give each '
                f'annotation of {face.dataset!r} an id of its own or, if the faces '
                'are of two annotation files, each dataset a name of its own: '
                "metainfo=dict(dataset_name='...')."
            )
    if size is not None and len(found) < size <= len(results):
        raise ValueError(
            f'{len(results)} results are of {len(found)} faces, but the '
            f'dataset has {size}: some annotations are duplicates, or files that '
            'are tested together hold the same faces; give each face one annotation.'
        )
    return [found[key] for key in sorted(found)]


def check_rule(name: str, rule: dict) -> dict:
    """Check the form of a rule and read its file.

    Args:
        name (str): Name of the subset.
        rule (dict): See the module docstring.

    Returns:
        dict: The rule. A rule with a file also has ``lines``, the set of image
        names in the file.

    Raises:
        ValueError: If the rule is malformed.
        FileNotFoundError: If the file of the rule does not exist.
    """
    keys = set(rule) - {'count'} if isinstance(rule, dict) else None
    if keys not in RULE_FORMS:
        raise ValueError(
            f'face_subsets[{name!r}]={rule!r}: give dict(path=pattern), '
            'dict(file=list of images) or dict(field=name, values=[...]), '
            'and optionally count=number of faces.'
        )
    rule = dict(rule)
    if 'file' in rule:
        if not os.path.isfile(rule['file']):
            raise FileNotFoundError(
                f'face_subsets[{name!r}]: list {rule["file"]!r} does not exist.'
            )
        with open(rule['file'], encoding='utf-8') as file:
            lines = (line.strip().replace('\\', '/') for line in file)
            rule['lines'] = {line for line in lines if line}
    return rule


def fields_of(rules: Iterable[dict]) -> list[str]:
    """List the annotation fields that rules need."""
    return sorted({rule['field'] for rule in rules if 'field' in rule})


def find_members(name: str, rule: dict, faces: Sequence[FaceResult]) -> np.ndarray:
    """Find the faces of a subset.

    Args:
        name (str): Name of the subset.
        rule (dict): Result of :func:`~rcn_mmpose.evaluation.faces.check_rule`.
        faces (Sequence[FaceResult]): N faces, read with the fields of the
            rule.

    Returns:
        np.ndarray: Whether each face belongs to the subset, bool (N,).

    Raises:
        ValueError: If the subset is empty, if its size differs from
            ``count``, or if the file names an image that was not tested.
    """
    where = f'face_subsets[{name!r}]'
    paths = [face.img_path.replace(os.sep, '/') for face in faces]
    if 'path' in rule:
        members = [fnmatchcase(path, rule['path']) for path in paths]
        looked = f'no image fits {rule["path"]!r}, as {paths[0]!r} does not'
    elif 'file' in rule:
        named = [_named(path, rule['lines']) for path in paths]
        left = sorted(rule['lines'].difference(*named))
        if left:
            raise ValueError(
                f'{where}: {len(left)} of {len(rule["lines"])} images named '
                f'in {rule["file"]!r} were not tested, such as {left[0]!r}; '
                'test these images too, or remove them from the list.'
            )
        members = [bool(names) for names in named]
        looked = f'{rule["file"]!r} names no image'
    else:
        found = [face.labels.get(rule['field']) for face in faces]
        members = [value in rule['values'] for value in found]
        seen = sorted({repr(value) for value in found})
        looked = (
            f'no face has {rule["field"]!r} in {list(rule["values"])}; found: '
            f'{", ".join(seen[:10])}'
        )
    count = sum(members)
    if not count:
        raise ValueError(
            f'{where} matches no face of {len(faces)}: {looked}; correct '
            'the rule or leave it out.'
        )
    if count != rule.get('count', count):
        raise ValueError(
            f'{where} matches {count} faces, not {rule["count"]}; test '
            'the whole subset, or leave it out.'
        )
    return np.array(members)


def _named(path: str, lines: set[str]) -> set[str]:
    """Return the lines that equal the last parts of a path."""
    parts = path.split('/')
    ends = {'/'.join(parts[i:]) for i in range(len(parts))}
    return ends & lines


def _look_up(annotation: dict | None, field: str) -> Any:
    """Read a dotted field of an annotation; None if the field is missing."""
    value: Any = annotation
    for key in field.split('.'):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value
