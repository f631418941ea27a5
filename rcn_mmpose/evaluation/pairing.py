"""Which prediction belongs to which annotated face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..geometry.keypoints import FIVE_NAMES, five_from_68
from ..io.annotations import TrueFace, Truth
from ..io.box_files import match_names
from ..io.predictions import PredictedFace
from .faces import FaceResult, fields_of, read_face
from .measures import Plan


class Pairs(NamedTuple):
    """True faces that have a prediction.

    Attributes:
        names: Of the keypoints that both sides have.
        faces: The true ones.
        predictions: Keypoints (x, y) of each, (K, 2).
    """

    names: tuple[str, ...]
    faces: list[TrueFace]
    predictions: list[np.ndarray]

    def results(self, plan: Plan) -> list[FaceResult]:
        """Return what errors are measured of."""
        fields = fields_of(plan.subsets.values())
        return [
            read_face(
                dict(
                    id=face.annotation.get('id', i),
                    img_path=face.file,
                    gt_instances=dict(
                        keypoints=face.keypoints[None],
                        keypoints_visible=face.labelled[None],
                        bboxes=face.box[None],
                    ),
                    pred_instances=dict(keypoints=prediction[None]),
                    # of the crop, which continuous positions do not ask for
                    input_size=(1, 1),
                    input_center=(0, 0),
                    input_scale=(1, 1),
                    raw_ann_info=face.annotation,
                ),
                fields,
            )
            for i, (face, prediction) in enumerate(
                zip(self.faces, self.predictions, strict=True)
            )
        ]


def pair_faces(truth: Truth, predicted: Sequence[PredictedFace]) -> Pairs:
    """Pair true faces with predictions, image by image.

    Args:
        truth (Truth): The true faces.
        predicted (Sequence[PredictedFace]): At least one.

    Returns:
        Pairs: In the order of the true faces.

    Raises:
        ValueError: If the numbers of keypoints differ and neither side can be
            reduced to five, as when the five are not named, or an image's
            name is not clear.
    """
    truth, predicted = _same_keypoints(truth, predicted)
    there: dict[str, list[np.ndarray]] = {}
    for face in predicted:
        there.setdefault(face.file, []).append(face.keypoints)
    wanted: dict[str, list[int]] = {}
    for i, face in enumerate(truth.faces):
        wanted.setdefault(face.file, []).append(i)
    # either side may name more of the folders
    names = match_names(wanted, list(there))
    rest = [file for file in wanted if file not in names.values()]
    left = [file for file in there if file not in names]
    found = {name: file for file, name in names.items()}
    found.update(match_names(left, rest))
    chosen: dict[int, np.ndarray] = {}
    for name, indices in wanted.items():
        if name in found:
            faces = [truth.faces[i] for i in indices]
            pairs = _pair_one_image(faces, there[found[name]])
            for face, prediction in pairs.items():
                chosen[indices[face]] = there[found[name]][prediction]
    order = sorted(chosen)
    return Pairs(
        truth.names,
        [truth.faces[i] for i in order],
        [chosen[i] for i in order],
    )


def _pair_one_image(
    faces: Sequence[TrueFace], predictions: Sequence[np.ndarray]
) -> dict[int, int]:
    """Return the prediction of each face that has one, by their indices.

    A face far from its prediction is missed, and something else was found.
    """
    means = [prediction.mean(0) for prediction in predictions]
    near = []
    for i, face in enumerate(faces):
        middle = face.keypoints[face.labelled].mean(0)
        for j, mean in enumerate(means):
            if ((face.box[:2] <= mean) & (mean <= face.box[2:])).all():
                near.append((float(np.linalg.norm(mean - middle)), i, j))
    pairs: dict[int, int] = {}
    for _, i, j in sorted(near):  # the nearest first
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _same_keypoints(
    truth: Truth, predicted: Sequence[PredictedFace]
) -> tuple[Truth, Sequence[PredictedFace]]:
    """Reduce the side of 68 keypoints to five, if the other has five."""
    ours, theirs = len(truth.names), len(predicted[0].keypoints)
    if ours == theirs:
        return truth, predicted
    if theirs == 68 and truth.names == FIVE_NAMES:
        return truth, [
            face._replace(keypoints=five_from_68(face.keypoints)) for face in predicted
        ]
    if ours == 68 and theirs == 5:
        faces = [
            face._replace(
                keypoints=five_from_68(face.keypoints),
                labelled=np.ones(5, bool),
            )
            for face in truth.faces
            if face.labelled.all()
        ]
        if not faces:
            raise ValueError('no annotated face has all of the 68 keypoints.')
        return truth._replace(faces=faces, names=FIVE_NAMES), predicted
    cure = 'give files of the same keypoints, or of 68 and of five'
    if (ours, theirs) == (5, 68):
        named = truth.category.get('keypoints')
        cure = (
            "68 are reduced to MTFL's five only if the category of the "
            f'annotations names these, {", ".join(FIVE_NAMES)}, in this '
            f'order; it has {", ".join(named) if named else "no names"}'
        )
    raise ValueError(
        f'predictions of {theirs} keypoints and annotations of {ours}; {cure}.'
    )
