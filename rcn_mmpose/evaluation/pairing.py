"""Pair annotated faces with the predictions of a file (``rcn-mmpose evaluate``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..geometry.keypoints import FIVE_NAMES, five_from_68
from ..io.annotations import TrueFace, Truth
from ..io.image_names import match_names, plain_name
from ..io.label_check import SMALL, check_size
from ..io.predictions import PredictedFace
from .faces import FaceResult, fields_of, read_face
from .measures import MeasurePlan


class Pairs(NamedTuple):
    """Annotated faces with a prediction.

    Attributes:
        names: Names of the keypoints of both sides.
        faces: The annotated faces.
        predictions: Predicted keypoints (x, y) of each face, (K, 2).
        missed: The annotated faces without a prediction.
    """

    names: tuple[str, ...]
    faces: list[TrueFace]
    predictions: list[np.ndarray]
    missed: list[TrueFace]

    def results(self, plan: MeasurePlan) -> list[FaceResult]:
        """Return the face results that an error table takes."""
        return _results(plan, self.faces, self.predictions)

    def missed_results(self, plan: MeasurePlan) -> list[FaceResult]:
        """Return the missed faces, with predictions that are NaN."""
        nothing = [np.full_like(face.keypoints, np.nan) for face in self.missed]
        return _results(plan, self.missed, nothing)


def _results(
    plan: MeasurePlan, faces: Sequence[TrueFace], predictions: Sequence[np.ndarray]
) -> list[FaceResult]:
    """Return face results of annotated faces and their predictions."""
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
                # there is no crop; the pixel protocol does not use it
                input_size=(1, 1),
                input_center=(0, 0),
                input_scale=(1, 1),
                raw_ann_info=face.annotation,
            ),
            fields,
        )
        for i, (face, prediction) in enumerate(zip(faces, predictions, strict=True))
    ]


def pair_faces(truth: Truth, predicted: Sequence[PredictedFace]) -> Pairs:
    """Pair annotated faces with predictions, image by image.

    Args:
        truth (Truth): The annotated faces.
        predicted (Sequence[PredictedFace]): At least one prediction.

    Returns:
        Pairs: In the order of the annotated faces.

    Raises:
        ValueError: If the numbers of keypoints differ and neither side can be
            reduced to five keypoints (such as five keypoints without names),
            if an image name is ambiguous, or if both files cannot be of the same
            images.
    """
    truth, predicted = _same_keypoints(truth, predicted)
    predictions: dict[str, list[np.ndarray]] = {}
    sizes: dict[str, tuple[float, float]] = {}
    # ./a.jpg and a.jpg are the same image
    first: dict[str, str] = {}
    for prediction in predicted:
        file = first.setdefault(plain_name(prediction.file), prediction.file)
        predictions.setdefault(file, []).append(prediction.keypoints)
        sizes[file] = prediction.size
    annotated: dict[str, list[int]] = {}
    first = {}
    for i, face in enumerate(truth.faces):
        file = first.setdefault(plain_name(face.file), face.file)
        annotated.setdefault(file, []).append(i)
    # either side may have the longer path, so names are matched both ways
    names = match_names(annotated, list(predictions))
    rest = [file for file in annotated if file not in names.values()]
    left = [file for file in predictions if file not in names]
    found = {name: file for file, name in names.items()}
    found.update(match_names(left, rest))
    for name, file in found.items():
        if min(sizes[file]) > 0:
            check_size(name, truth.sizes.get(name, (0, 0)), sizes[file])
    _check_unit(truth, predicted)
    chosen: dict[int, np.ndarray] = {}
    for name, indices in annotated.items():
        if name in found:
            faces = [truth.faces[i] for i in indices]
            of_image = predictions[found[name]]
            for row, number in _pair_one_image(faces, of_image).items():
                chosen[indices[row]] = of_image[number]
    order = sorted(chosen)
    return Pairs(
        truth.names,
        [truth.faces[i] for i in order],
        [chosen[i] for i in order],
        [face for i, face in enumerate(truth.faces) if i not in chosen],
    )


def _check_unit(truth: Truth, predicted: Sequence[PredictedFace]) -> None:
    """Check that predictions are not fractions of the image."""
    largest = max(float(abs(face.keypoints).max()) for face in predicted)
    sides = [float((face.box[2:] - face.box[:2]).max()) for face in truth.faces]
    if largest <= 1.5 and min(sides) > SMALL:
        raise ValueError(
            'all predicted keypoints lie within 1 pixel: they look like fractions '
            'of the image. Multiply them by its width and height.'
        )


def _pair_one_image(
    faces: Sequence[TrueFace], predictions: Sequence[np.ndarray]
) -> dict[int, int]:
    """Pair the faces and predictions of one image; returns indices.

    A prediction belongs to a face only if its mean lies in the box of the
    face. The nearest pairs are taken first.
    """
    means = [prediction.mean(0) for prediction in predictions]
    near = []
    for i, face in enumerate(faces):
        middle = face.keypoints[face.labelled].mean(0)
        for j, mean in enumerate(means):
            if ((face.box[:2] <= mean) & (mean <= face.box[2:])).all():
                near.append((float(np.linalg.norm(mean - middle)), i, j))
    pairs: dict[int, int] = {}
    for _, i, j in sorted(near):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _in_order(
    names: tuple[str, ...], predicted: Sequence[PredictedFace]
) -> Sequence[PredictedFace]:
    """Put predicted keypoints of the same names into the order of the truth."""
    theirs = predicted[0].names
    if theirs == names or sorted(theirs) != sorted(set(names)):
        return predicted
    order = [theirs.index(name) for name in names]
    return [face._replace(keypoints=face.keypoints[order]) for face in predicted]


def _same_keypoints(
    truth: Truth, predicted: Sequence[PredictedFace]
) -> tuple[Truth, Sequence[PredictedFace]]:
    """Reduce 68 keypoints of one side to five, if the other side has five."""
    ours, theirs = len(truth.names), len(predicted[0].keypoints)
    if ours == theirs:
        return truth, _in_order(truth.names, predicted)
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
