"""Accuracy and speed of other packages, and ours, on the same faces."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...inference import load_model
from .arm import Case, Plan, SkipError
from .faces import RawFace, raw_faces
from .peer_models import MTCNN, Dlib, MediaPipe, Peer, five_of_68
from .rounds import Row

SETUP = f'{__name__}:set_up'
PEERS: dict[str, Callable[[], Peer]] = {
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
) -> dict[str, list[Plan]]:
    """List what is compared, by the title of its table.

    Args:
        configs (list[str]): Of our networks, whose faces are taken.
        threads (list[int]): Numbers of threads.
        folder (str): For synthetic faces.
        checkpoints (list[str]): Weights, one a config.
        faces (int): How many.
        part (str): Which, ``'val'`` or ``'test'``.
    """
    found = {}
    for config, checkpoint in zip(configs, checkpoints, strict=True):
        data = dict(config=config, folder=folder, faces=faces, part=part)
        for count in threads:
            ours = dict(data, peer='', checkpoint=checkpoint)
            found[f'{config}, {count} threads'] = [
                Plan(SETUP, 'rcn_mmpose, box given', ours, count),
                *(Plan(SETUP, name, dict(data, peer=name), count) for name in PEERS),
            ]
    return found


def set_up(
    config: str,
    folder: str,
    faces: int,
    part: str,
    peer: str,
    checkpoint: str = '',
) -> dict[str, Case]:
    """Set up one of them, a face at a time.

    Args:
        config (str): Of our network, whose faces are taken.
        folder (str): For synthetic faces.
        faces (int): How many.
        part (str): Which, ``'val'`` or ``'test'``.
        peer (str): A key of :data:`PEERS`, or nothing for ours.
        checkpoint (str): Our weights.

    Raises:
        SkipError: If the package is not there or does not work.
    """
    if peer:
        try:
            model = PEERS[peer]()
        except Exception as error:
            raise SkipError(str(error)) from error
    else:
        model = _Ours(config, checkpoint)
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


class _Ours:
    """Our network, as if it were one of them."""

    def __init__(self, config: str, checkpoint: str) -> None:
        self.model = load_model(config, checkpoint)
        self.points = len(self.model.info.keypoints)

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Find the points."""
        return self.model(image, box[None]).keypoints[0]


def face_error(points: np.ndarray, face: RawFace, count: int) -> float:
    """Return a face's mean error, in percent of its eyes' distance.

    Args:
        points (np.ndarray): In pixels of the image, 5 or 68 of them.
        face (RawFace): The truth, 5 or 68 points.
        count (int): Over how many: 5 of 68 are eyes, nose and corners of the
            mouth.
    """
    truth, visible = face.keypoints, face.visible
    if count == 5 and len(truth) == 68:
        truth, visible = five_of_68(truth), np.full(5, True)
    if count == 5 and len(points) == 68:
        points = five_of_68(points)
    distance = np.linalg.norm(points - truth, axis=1)
    return 100 * float(distance[visible].mean()) / face.unit


def compare(rows: list[Row]) -> None:
    """Turn the errors of the faces into those of the models.

    Args:
        rows (list[Row]): Of one table. Their ``errors`` become ``found``, the
            share of faces found; ``nme_5`` and ``nme_68``, the mean errors of
            those in percent; and ``nme_5_all_found``, that of the faces which
            all have found.
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
        facts['nme_5_all_found'] = _mean([lists[5][j] for j in common])


def _mean(values: list[float]) -> float:
    """Return the mean, NaN of nothing."""
    return float(np.mean(values)) if values else float('nan')
