"""A predictor tested on annotated faces: true, wrong and detected boxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...evaluation.faces import FaceResult, read_face
from ...geometry.overlap import match_boxes
from ...geometry.squares import Squares
from ...image.crop import crop_square
from ...image.reading import read_image
from ...inference.predictor import Detector, Predictor
from ...inference.second_pass import merge, predict_again
from .annotated_faces import AnnotatedFaces
from .box_errors import BoxError


@dataclass
class Predicted:
    """What was predicted of some faces' squares; M squares.

    Attributes:
        rows: The face of each square, indices.
        squares: Their centres (2,) and sides, upright ones.
        keypoints: By the passes, (K, 2) of each square, in pixels of the
            image: of the first; with two passes also of the second and of
            both joined.
        cells: The most probable cells of the first pass, (K, 2) of each
            square; None if the model gives none.
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
        """Return what errors are measured of.

        Args:
            faces (AnnotatedFaces): That were tested.
            number (int): 0 for the first pass, 1 for the second, 2 for both.
            size (tuple): Width and height of the crops.
            fields (Sequence[str]): Of the annotation, to keep.
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
class Tested:
    """What a test found.

    Attributes:
        true: Of all faces, with their true boxes.
        wrong: By kind and amount, of some faces, with boxes that are off.
        detected: Of the faces that a detector found; None without one.
        others: Detected boxes of no annotated face.
    """

    true: Predicted
    wrong: dict[tuple[str, float], Predicted]
    detected: Predicted | None = None
    others: int = 0


def run_test(
    model: Predictor,
    faces: AnnotatedFaces,
    detector: Detector | None = None,
    errors: Sequence[BoxError] = (),
    wrong_faces: Collection[int] = (),
    advance: Callable[[int], None] = lambda steps=1: None,
) -> Tested:
    """Test a model; every image is read once.

    Args:
        model (Predictor): From ``load_model``.
        faces (AnnotatedFaces): N faces. A box is the square that is cropped,
            as the networks are trained; one that is no square grows to one.
        detector (Callable, optional): Finds boxes such as the model was
            trained on. Defaults to none.
        errors (Sequence[BoxError]): Ways in which boxes are off.
        wrong_faces (Collection[int]): The faces that are tried with them.
        advance (Callable): Called with the number of faces done.

    Raises:
        ValueError: If the model has another number of keypoints, or a face
            cannot be cropped.
        OSError: If an image cannot be read.
    """
    count = faces.metainfo['num_keypoints']
    if len(model.info.keypoints) != count:
        raise ValueError(
            f'the model has {len(model.info.keypoints)} keypoints, the faces '
            f'of {faces.name!r} have {count}; choose faces that go with it '
            '(300w_val_five are those of 300w_val with five).'
        )
    model.info = replace(model.info, box_rule=dict(rule='given'))
    passes = 3 if model.second_pass else 1

    def empty() -> Predicted:
        found = Predicted(keypoints=[[] for _ in range(passes)])
        if not has_cells(model):
            found.cells = None
        return found

    tested = Tested(empty(), {(e.kind, e.amount): empty() for e in errors})
    for found in tested.wrong.values():
        found.cells = None  # for the paper's protocol the true box is right
    if detector is not None:
        tested.detected = empty()
    by_image: dict[str, list[int]] = {}
    for i, face in enumerate(faces.faces):
        by_image.setdefault(face['img_path'], []).append(i)
    for path, rows in by_image.items():
        image = read_image(path)
        boxes = np.stack([faces.faces[i]['bbox'][0] for i in rows])
        jobs = []
        for i, box in zip(rows, boxes, strict=True):
            square = model.info.square(box)
            jobs.append((tested.true, i, Squares.upright([square])))
            if i in wrong_faces:
                jobs += [
                    (tested.wrong[e.kind, e.amount], i, e.apply(*square))
                    for e in errors
                ]
        if detector is not None:
            found = detector(image)
            matches = match_boxes(boxes.astype(float), found)
            for i, match in zip(rows, matches, strict=True):
                if match is not None:
                    square = Squares.upright([model.info.square(found[match])])
                    jobs.append((tested.detected, i, square))
            tested.others += len(found) - len(rows) + matches.count(None)
        try:
            _predict(model, image, jobs)
        except ValueError as error:
            raise ValueError(f'a face of {path!r}: {error}') from error
        advance(len(rows))
    return tested


def _predict(
    model: Predictor,
    image: np.ndarray,
    jobs: Sequence[tuple[Predicted, int, Squares]],
) -> None:
    """Predict all squares of an image at once."""
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
    found = squares.to_image(model.predict(crops), size[0])
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
        if target.cells is not None:
            target.cells += list(best_cells_of(model, crops[start:end]))
        start = end


def has_cells(model: Predictor) -> bool:
    """Whether a model can name the most probable cell of each crop's pixel.

    An exported model gives positions alone, and maps that are coarser than
    the crop have other cells.
    """
    network = getattr(model, 'network', None)
    return network is not None and network.stride == 1


def best_cells_of(model: Predictor, crops: np.ndarray) -> np.ndarray:
    """Find the most probable cell of each keypoint, as the heads do.

    Args:
        model (Predictor): A ``TorchPredictor`` whose maps have a cell for
            each pixel.
        crops (np.ndarray): uint8 (N, H, W).

    Returns:
        np.ndarray: (x, y), int64 (N, K, 2).
    """
    import torch

    from ...codecs.decoding import best_cells

    network = model.network
    with torch.inference_mode():
        batch = torch.from_numpy(crops).to(model.device)
        if network.window == 0:  # positions are expectations over the map
            points = network(batch)[0]
            return torch.floor(points + 0.5).long().cpu().numpy()
        scores = network.scores(batch).float()
        maps = scores.flatten(2).softmax(-1).view(scores.shape)
        return best_cells(maps).cpu().numpy()
