"""Test a predictor on annotated faces with true, wrong and detected boxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from ...evaluation.faces import FaceResult, read_face
from ...geometry.boxes import match_boxes
from ...image.crop import Squares, crop_square
from ...image.reading import read_image
from ...inference.predictor import Detector, Predictor
from ...inference.second_pass import merge, predict_again
from .annotated_faces import AnnotatedFaces
from .box_errors import BoxError

if TYPE_CHECKING:
    from ...inference.torch_predictor import TorchPredictor


@dataclass
class Predictions:
    """Predicted keypoints of M square crops of faces.

    Attributes:
        rows: Index of the face of each square.
        squares: Centre (2,) and side of each square; the squares are upright.
        keypoints: For each pass a list of keypoints (K, 2), one entry per
            square, in pixels of the image: first pass; with two passes also
            the second pass and both joined.
        cells: Most probable cells of the first pass, (K, 2) for each square;
            None if the model has no cells.
    """

    rows: list[int] = field(default_factory=list)
    squares: list[tuple[np.ndarray, float]] = field(default_factory=list)
    keypoints: list[list[np.ndarray]] = field(default_factory=list)
    cells: list[np.ndarray] | None = field(default_factory=list)

    def results(
        self,
        faces: AnnotatedFaces,
        number: int,
        size: tuple[int, int],
        fields: Sequence[str] = (),
    ) -> list[FaceResult]:
        """Return the face results that an error table takes.

        Args:
            faces (AnnotatedFaces): The tested faces.
            number (int): 0 for the first pass, 1 for the second, 2 for both.
            size (tuple): Width and height of the crops.
            fields (Sequence[str]): Annotation fields to keep.
        """
        cells = self.cells if number == 0 else None
        results = []
        for m, row in enumerate(self.rows):
            face = faces.faces[row]
            centre, side = self.squares[m]
            prediction = dict(keypoints=self.keypoints[number][m][None])
            if cells is not None:
                prediction['keypoint_cells'] = cells[m][None]
            results.append(
                read_face(
                    dict(
                        dataset_name=faces.metainfo.get('dataset_name'),
                        id=face['id'],
                        img_path=face['img_path'],
                        raw_ann_info=face.get('raw_ann_info'),
                        input_size=size,
                        input_center=centre,
                        input_scale=(side, side),
                        gt_instances=dict(
                            keypoints=face['keypoints'],
                            keypoints_visible=face['keypoints_visible'],
                            bboxes=face['bbox'],
                        ),
                        pred_instances=prediction,
                    ),
                    fields,
                )
            )
        return results


@dataclass
class ModelTest:
    """Predictions of a model with several kinds of boxes.

    Attributes:
        true: Predictions of all faces with true boxes.
        wrong: Predictions of some faces with wrong boxes, by kind and amount of
            the box error.
        detected: Predictions of the detected faces; None without a detector.
        others: Number of detected boxes without an annotated face.
    """

    true: Predictions
    wrong: dict[tuple[str, float], Predictions]
    detected: Predictions | None = None
    others: int = 0


def run_test(
    model: Predictor,
    faces: AnnotatedFaces,
    detector: Detector | None = None,
    errors: Sequence[BoxError] = (),
    wrong_faces: Collection[int] = (),
    advance: Callable[[int], None] | None = None,
) -> ModelTest:
    """Test a model with true, wrong and detected boxes.

    The function does not change the model. It reads every image once. The box
    rule of the model is not used: a box is the square that is cropped, as in
    training. A box that is not square grows to a square.

    Args:
        model (Predictor): A model from ``load_model``.
        faces (AnnotatedFaces): N faces.
        detector (Callable, optional): Detects boxes like the training boxes of
            the model. Defaults to none.
        errors (Sequence[BoxError]): Errors of the wrong boxes.
        wrong_faces (Collection[int]): Indices of the faces that are tested with
            wrong boxes.
        advance (Callable): Called with the number of faces done.

    Raises:
        ValueError: If the model and the faces have different numbers of
            keypoints, or a face cannot be cropped.
        OSError: If an image cannot be read.
    """
    count = faces.metainfo['num_keypoints']
    if len(model.info.keypoints) != count:
        raise ValueError(
            f'the model has {len(model.info.keypoints)} keypoints, the faces '
            f'of {faces.name!r} have {count}; choose faces with the same '
            'keypoints (300w_val_five has the faces of 300w_val with five).'
        )
    # a copy, because the caller's model must not change
    info = replace(model.info, box_rule=dict(rule='given'))
    passes = 3 if model.second_pass else 1

    def empty() -> Predictions:
        return Predictions(
            keypoints=[[] for _ in range(passes)],
            cells=[] if has_cells(model) else None,
        )

    tested = ModelTest(empty(), {(e.kind, e.amount): empty() for e in errors})
    for predictions in tested.wrong.values():
        predictions.cells = None  # the paper's protocol uses true boxes
    if detector is not None:
        tested.detected = empty()
    by_image: dict[str, list[int]] = {}
    for i, face in enumerate(faces.faces):
        by_image.setdefault(face['img_path'], []).append(i)
    for path, rows in by_image.items():
        image = read_image(path)
        jobs: list[tuple[Predictions, int, Squares]] = []
        boxes = np.stack([faces.faces[i]['bbox'][0] for i in rows])
        for i, box in zip(rows, boxes, strict=True):
            centre, side = info.square(box)
            jobs.append((tested.true, i, Squares.upright([(centre, float(side))])))
            if i in wrong_faces:
                jobs += [
                    (tested.wrong[e.kind, e.amount], i, e.apply(centre, float(side)))
                    for e in errors
                ]
        if detector is not None and tested.detected is not None:
            found = np.asarray(detector(image))
            matches = match_boxes(boxes.astype(float), found)
            for i, match in zip(rows, matches, strict=True):
                if match is not None:
                    centre, side = info.square(found[match])
                    square = Squares.upright([(centre, float(side))])
                    jobs.append((tested.detected, i, square))
            tested.others += len(found) - len(rows) + matches.count(None)
        try:
            _predict(model, image, jobs)
        except ValueError as error:
            raise ValueError(f'a face of {path!r}: {error}') from error
        if advance is not None:
            advance(len(rows))
    return tested


def _predict(
    model: Predictor,
    image: np.ndarray,
    jobs: Sequence[tuple[Predictions, int, Squares]],
) -> None:
    """Predict all squares of an image in one call."""
    size = model.info.input_size
    squares = Squares(
        *(
            np.concatenate([getattr(s, name) for _, _, s in jobs])
            for name in ('centre', 'side', 'rotation')
        )
    )
    crops = np.stack(
        [
            crop_square(image, centre, side, size, float(rotation))
            for centre, side, rotation in zip(
                squares.centre, squares.side, squares.rotation, strict=True
            )
        ]
    )
    found = squares.to_image(model.predict_crops(crops), size[0])
    passes = [found[0]]
    if model.second_pass:
        again, _ = predict_again(model, [image] * len(crops), found)
        passes += [again[0], merge(found, again)[0]]
    start = 0
    for target, row, part in jobs:
        end = start + len(part)
        target.rows += [row] * len(part)
        target.squares += [
            (part.centre[i], float(part.side[i])) for i in range(len(part))
        ]
        for kept, points in zip(target.keypoints, passes, strict=True):
            kept += list(points[start:end])
        if target.cells is not None and has_cells(model):
            target.cells += list(best_cells_of(model, crops[start:end]))
        start = end


def has_cells(model: Predictor) -> TypeGuard[TorchPredictor]:
    """Return whether the maps of a model have one cell per pixel of the crop.

    An exported model returns positions only.
    """
    network = getattr(model, 'network', None)
    return network is not None and network.stride == 1


def best_cells_of(model: TorchPredictor, crops: np.ndarray) -> np.ndarray:
    """Return the keypoints as whole cells, as the model's head predicts them.

    Args:
        model (TorchPredictor): A model with one cell per pixel of the crop.
        crops (np.ndarray): uint8 (N, H, W).

    Returns:
        np.ndarray: (x, y), int64 (N, K, 2).
    """
    import torch

    from ...codecs.decoding import probability_maps

    network = model.network
    with torch.inference_mode():
        batch = torch.from_numpy(crops).to(model.device)
        maps = probability_maps(network.scores(batch))
        head: Any = network.model.head  # nn.Module does not declare whole_cells
        return head.whole_cells(maps).cpu().numpy()
