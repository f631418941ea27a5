"""The results of single faces, and named subsets of them."""
# DOCS What is kept of a tested face until all are tested.
# DOCS
# DOCS Named subsets of the faces of a test.
# DOCS
# DOCS A rule is a dict with one of
# DOCS
# DOCS - ``path``: a pattern for the path of the image, such as
# DOCS   ``'*/lfpw/testset/*'``;
# DOCS - ``file``: a text file that names an image a line by the end of its path;
# DOCS - ``field`` and ``values``: a field of the annotation, such as
# DOCS   ``'attributes.pose'``, and its values that count;
# DOCS
# DOCS and, if wanted, ``count``, the number of faces there must be, so that a part
# DOCS of a subset is not taken for the whole.

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np


class FaceResult(NamedTuple):
    """One face, its truth and its prediction; no maps.

    Attributes:
        dataset (str): Name of the dataset.
        id (int | None): Of the annotation; unique in the dataset.
        img_path (str): The image.
        box (np.ndarray | None): The annotated box, (x1, y1, x2, y2).
        visible (np.ndarray): Which keypoints are labelled, bool (K,).
        truth (np.ndarray): In pixels of the image, float64 (K, 2).
        pred (np.ndarray): The same.
        cells (np.ndarray | None): Predicted cells (x, y) of the crop, (K, 2);
            None if the maps are coarser than the crop.
        size (np.ndarray): Width and height of the crop in its own pixels.
        centre (np.ndarray): Of the crop in the image.
        scale (np.ndarray): Width and height of the crop in the image.
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
        labels={field: _look_up(sample.get('raw_ann_info'), field) for field in fields},
    )


def one_per_face(
    results: Iterable[FaceResult], size: int | None = None
) -> list[FaceResult]:
    """Keep one result a face, in the order of their ids.

    Samplers repeat faces to give all processes equally many; which ones
    depends on the number of processes.

    Args:
        results (Iterable[FaceResult]): Of all processes, in any order.
        size (int, optional): Faces of the dataset, if known.

    Returns:
        list[FaceResult]: Each face once.

    Raises:
        ValueError: If a face has no id, two faces have the same, or some of
            the dataset are missing though enough were tested.
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


FORMS = ({'path'}, {'file'}, {'field', 'values'})


def check_rule(name: str, rule: dict) -> dict:
    """Check the form of a rule and read its file.

    Args:
        name (str): Of the subset.
        rule (dict): As above.

    Returns:
        dict: The rule, with ``lines``, the set of names, if it has a file.

    Raises:
        ValueError: If the rule has another form.
        FileNotFoundError: If its file does not exist.
    """
    keys = set(rule) - {'count'} if isinstance(rule, dict) else None
    if keys not in FORMS:
        raise ValueError(
            f'face_subsets[{name!r}]={rule!r}: give dict(path=pattern), '
            'dict(file=list of images) or dict(field=name, values=[...]), '
            'and if wanted count=number of faces.'
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
    """List the fields of the annotations that rules ask for."""
    return sorted({rule['field'] for rule in rules if 'field' in rule})


def find_members(name: str, rule: dict, faces: Sequence[FaceResult]) -> np.ndarray:
    """Find the faces of a subset.

    Args:
        name (str): Of the subset.
        rule (dict): From :func:`check_rule`.
        faces (Sequence[FaceResult]): N faces, read with the fields of the
            rule.

    Returns:
        np.ndarray: bool of shape (N,).

    Raises:
        ValueError: If there is none, another number than ``count``, or the
            file names an image that was not tested.
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
                'test them too, or take them out of the list.'
            )
        members = [bool(names) for names in named]
        looked = f'{rule["file"]!r} names no image'
    else:
        found = [face.labels.get(rule['field']) for face in faces]
        members = [value in rule['values'] for value in found]
        seen = sorted({repr(value) for value in found})
        looked = (
            f'{rule["field"]!r} is none of {list(rule["values"])}, but '
            f'{", ".join(seen[:10])}'
        )
    count = sum(members)
    if not count:
        raise ValueError(
            f'{where} matches no face of {len(faces)}: {looked}; correct it '
            'or leave it out.'
        )
    if count != rule.get('count', count):
        raise ValueError(
            f'{where} matches {count} faces, not {rule["count"]}; test the '
            'whole of it, or leave it out.'
        )
    return np.array(members)


def _named(path: str, lines: set[str]) -> set[str]:
    """Return the lines that are the end of a path, by whole names."""
    parts = path.split('/')
    ends = {'/'.join(parts[i:]) for i in range(len(parts))}
    return ends & lines
