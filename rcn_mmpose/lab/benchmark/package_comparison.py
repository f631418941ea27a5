"""Benchmark of accuracy and speed beside other packages, on the same faces."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...evaluation.ced import area_under_curve, failure_rate
from ...geometry.boxes import match_boxes
from ...geometry.keypoints import five_from_68
from ...inference import load_model
from .faces import RawFace, raw_faces
from .measured_process import Case, ProcessPlan, SkipError
from .other_packages import MTCNN, Dlib, KeypointModel, MediaPipe
from .turns import Measurement

SETUP = f'{__name__}:set_up'
LIMIT = 10.0  # percent of the eye distance; a larger error or a miss is a failure
# Detectors of this project's rows without a given box. They search the whole image.
OWN_DETECTORS = ('yunet', 'haar')
OTHER_PACKAGES: dict[str, Callable[[], KeypointModel]] = {
    'dlib, 68 points, box given': lambda: Dlib(detect=False),
    'dlib, 68 points, own detector': lambda: Dlib(detect=True),
    'MediaPipe, face mesh': MediaPipe,
    'MTCNN of facenet-pytorch': MTCNN,
}


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    checkpoints: list[str],
    faces: int,
    part: str,
) -> dict[str, list[ProcessPlan]]:
    """List the compared processes by the title of their table.

    Args:
        configs (list[str]): Configs of this project's networks; their faces
            are used.
        threads (list[int]): Numbers of threads.
        folder (str): Folder for synthetic faces.
        checkpoints (list[str]): Weights, one file per config.
        faces (int): Number of faces.
        part (str): Part of the dataset, ``'val'`` or ``'test'``.
    """
    found = {}
    for config, checkpoint in zip(configs, checkpoints, strict=True):
        data = dict(config=config, folder=folder, faces=faces, part=part)
        for count in threads:
            ours = dict(data, package='', checkpoint=checkpoint)
            found[f'{config}, {count} threads'] = [
                ProcessPlan(SETUP, 'rcn_mmpose, box given', ours, count),
                *(
                    ProcessPlan(
                        SETUP,
                        f'rcn_mmpose, {name}, two passes',
                        dict(ours, detector=name),
                        count,
                    )
                    for name in OWN_DETECTORS
                ),
                *(
                    ProcessPlan(SETUP, name, dict(data, package=name), count)
                    for name in OTHER_PACKAGES
                ),
            ]
    return found


def set_up(
    config: str,
    folder: str,
    faces: int,
    part: str,
    package: str,
    checkpoint: str = '',
    detector: str = '',
) -> dict[str, Case]:
    """Set up one model; each call predicts one face.

    Args:
        config (str): Config of this project's network; its faces are used.
        folder (str): Folder for synthetic faces.
        faces (int): Number of faces.
        part (str): Part of the dataset, ``'val'`` or ``'test'``.
        package (str): A key of :data:`OTHER_PACKAGES`; empty for this
            project's network.
        checkpoint (str): Weights of this project's network.
        detector (str): One of :data:`OWN_DETECTORS`: no box is given, and the face
            is predicted in two passes.

    Raises:
        SkipError: If the other package is missing or does not work.
    """
    model: KeypointModel
    if package:
        try:
            model = OTHER_PACKAGES[package]()
        except Exception as error:
            raise SkipError(str(error)) from error
    else:
        model = _ProjectModel(config, checkpoint, detector)
    found, name = raw_faces(config, folder, faces, f'{part}_dataloader')
    turn = itertools.cycle(found)

    def run() -> None:
        face = next(turn)
        model(face.image, face.box[0])

    def facts() -> dict[str, Any]:
        points = [model(face.image, face.box[0]) for face in found]
        return dict(
            on=name,
            errors={
                count: [
                    None if p is None else face_error(p, face, count)
                    for p, face in zip(points, found, strict=True)
                ]
                for count in (5, 68)
                if count <= min(model.points, len(found[0].keypoints))
            },
        )

    return {'': Case(run, 1, facts)}


class _ProjectModel:
    """A network of this project with the interface of the other models."""

    def __init__(self, config: str, checkpoint: str, detector: str) -> None:
        self.detects = bool(detector)
        self.model = load_model(
            config,
            checkpoint,
            detector=detector or None,
            passes=2 if detector else 1,
        )
        self.points = len(self.model.info.keypoints)

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Predict the keypoints; with a detector, of the face that has the box."""
        if not self.detects:
            return self.model(image, box[None]).keypoints[0]
        result = self.model(image)
        (match,) = match_boxes(box[None].astype(float), result.boxes)
        return None if match is None else result.keypoints[match]


def face_error(points: np.ndarray, face: RawFace, count: int) -> float:
    """Return the mean error of a face in percent of its eye distance.

    Args:
        points (np.ndarray): 5 or 68 predicted keypoints in pixels of the image.
        face (RawFace): The face with 5 or 68 true keypoints.
        count (int): Number of keypoints in the mean. The 5 of 68 are eyes,
            nose and corners of the mouth.
    """
    truth, visible = face.keypoints, face.visible
    if count == 5 and len(truth) == 68:
        truth, visible = five_from_68(truth), np.full(5, True)
    if count == 5 and len(points) == 68:
        points = five_from_68(points)
    distance = np.linalg.norm(points - truth, axis=1)
    return 100 * float(distance[visible].mean()) / face.unit


def compare(rows: list[Measurement]) -> None:
    """Replace the errors of single faces by mean errors, in place.

    Args:
        rows (list[Measurement]): The rows of one table. The fact ``errors``
            is replaced by ``found``, the share of faces that the model finds;
            ``fr10_5`` and ``auc10_5``, the failure rate and the area under the
            error curve at 10 %, where a miss is a failure;
            ``nme_5`` and ``nme_68``, the mean errors over these faces in
            percent; and ``nme_5_all_found``, the mean error over the faces
            that all models find.
    """
    errors = {
        i: row.facts.pop('errors')
        for i, row in enumerate(rows)
        if 'errors' in row.facts
    }
    faces = zip(*(lists[5] for lists in errors.values()), strict=True)
    common = [i for i, face in enumerate(faces) if None not in face]
    for i, lists in errors.items():
        facts = rows[i].facts
        for count, values in lists.items():
            there = [x for x in values if x is not None]
            facts['found'] = len(there) / len(values)
            facts[f'nme_{count}'] = _mean(there)
            whole = np.array([np.inf if x is None else x for x in values])
            if count == 5:
                facts['fr10_5'] = failure_rate(whole, LIMIT)
                facts['auc10_5'] = area_under_curve(whole, LIMIT)
        facts['nme_5_all_found'] = _mean([lists[5][j] for j in common])


def _mean(values: list[float]) -> float:
    """Return the mean, NaN for an empty list."""
    return float(np.mean(values)) if values else float('nan')
