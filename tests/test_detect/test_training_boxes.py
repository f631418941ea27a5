"""The detector gives a model boxes like those of its training."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from test_inference.small_model import build, config, write_checkpoint

from rcn_mmpose import load_model
from rcn_mmpose.datasets.face.own_faces import OwnFaceDataset
from rcn_mmpose.detect import HaarDetector, haar
from rcn_mmpose.geometry.boxes import (
    box_from_detection,
    box_from_extent,
    check_training_boxes,
)
from rcn_mmpose.geometry.training_boxes import (
    EXTENT,
    EYES_AND_MOUTH,
    training_box_of_keypoints,
    training_boxes_of,
)
from rcn_mmpose.inference import export
from rcn_mmpose.inference.loading import ModelInfo
from rcn_mmpose.io.coco import Face, write_faces
from rcn_mmpose.lab.calibration import detector_boxes
from rcn_mmpose.lab.calibration.save_training_boxes import save_training_boxes
from rcn_mmpose.lab.calibration.training_box_hook import TrainingBoxHook
from rcn_mmpose.shipped.catalogue import shipped_models
from rcn_mmpose.synthetic import render_face

# Three keypoints on one side of the face: a small box beside its centre.
RELATION = dict(scale=0.5, shift=0.2, sideways=-0.1)
OTHER = dict(scale=2.0, shift=0.0, sideways=0.0)


def photo(seed: int) -> np.ndarray:
    """A frontal face on a grey image."""
    face = render_face(seed, pose=(0.0, 0.0, 0.0), plain=True).image
    canvas = np.full((300, 340, 3), 128, np.uint8)
    canvas[20 : 20 + face.shape[0], 50 : 50 + face.shape[1]] = face
    return canvas


@pytest.fixture(scope='module')
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of own keypoints; the tight box of the keypoints is half its box."""
    folder = tmp_path_factory.mktemp('own')
    faces = []
    for seed in (0, 1, 2):
        image = photo(seed)
        cv2.imwrite(str(folder / f'{seed}.png'), image)
        (raw,) = HaarDetector('cascade')(image)
        box = box_from_detection(raw, **RELATION)
        centre, side = (box[:2] + box[2:]) / 2, box[2] - box[0]
        points = centre + np.array([(-1, -1), (1, -1), (0, 1)]) * side / 4
        faces.append(Face(f'{seed}.png', image.shape[1::-1], points, box, {}))
    write_faces(str(folder / 'train.json'), faces, ('a', 'b', 'c'))
    return folder


def small_checkpoint(path: Path, **dataset: object) -> Path:
    """A checkpoint whose dataset says what is given."""
    write_checkpoint(path, config(), build())
    content = torch.load(path, weights_only=False)
    del content['meta']['dataset_meta']['training_boxes']
    content['meta']['dataset_meta'].update(dataset)
    torch.save(content, path)
    return path


# ------------------------------------------------------------ measurement


def test_medians_of_own_faces(own: Path) -> None:
    content = json.loads((own / 'train.json').read_text())
    boxes, said = detector_boxes.measure_training_boxes(content, str(own))
    assert boxes['haar'] == pytest.approx(RELATION, abs=2e-4)
    assert boxes['keypoints'] == pytest.approx(OTHER, abs=1e-3)
    assert '3 faces, 0 missed' in said


def test_images_without_a_face(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((60, 60), 9, np.uint8))
    points = np.array([(10.0, 10), (20, 30)])
    face = Face('a.png', (60, 60), points, box_from_extent(points), {})
    write_faces(str(tmp_path / 'a.json'), [face], ('a', 'b'))
    content = json.loads((tmp_path / 'a.json').read_text())
    boxes, said = detector_boxes.measure_training_boxes(content, str(tmp_path))
    assert set(boxes) == {'keypoints'} and 'found no face' in said
    words = [str(tmp_path / 'a.json'), str(tmp_path), '--save', str(tmp_path / 'a')]
    with pytest.raises(ValueError, match='nothing was saved'):
        detector_boxes.main(words)


def test_keypoints_to_boxes_and_back() -> None:
    keypoints = np.random.default_rng(0).uniform(0, 50, (9, 4, 2))
    options = dict(scale=1.7, shift=-0.2, sideways=0.3)
    size = (90, 90)
    boxes = [training_box_of_keypoints(x, size, options) for x in keypoints]
    found = detector_boxes.keypoint_boxes(keypoints, np.array(boxes))
    assert found == pytest.approx(options, abs=1e-4)
    # By hand: the tight square of (10, 20) and (30, 30) has the centre (20, 25).
    points = np.array([(10.0, 20), (30, 30)])
    box = training_box_of_keypoints(
        points, size, dict(scale=2.0, sideways=0.5, shift=0)
    )
    assert box.tolist() == [10, 5, 50, 45]
    rule = EXTENT['keypoints']
    expected = box_from_extent(points)
    assert training_box_of_keypoints(points, size, rule).tolist() == expected.tolist()


def test_a_training_on_own_faces_measures_once(own: Path) -> None:
    dataset = OwnFaceDataset('train.json', str(own), data_prefix=dict(img=''))
    said: list[str] = []
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=dataset),
        logger=SimpleNamespace(info=said.append),
    )
    hook = TrainingBoxHook()
    hook.before_run(runner)
    found = dataset.metainfo['training_boxes']
    assert found['haar'] == pytest.approx(RELATION, abs=2e-4)
    hook.before_run(runner)
    assert len(said) == 1


# ------------------------------------------------------------------ travel


def test_boxes_travel_from_the_annotations_to_the_model(
    own: Path, tmp_path: Path
) -> None:
    annotations = tmp_path / 'train.json'
    annotations.write_text((own / 'train.json').read_text())
    path = small_checkpoint(tmp_path / 'a.pth')
    words = [str(annotations), str(own), '--save']
    detector_boxes.main([*words, str(annotations), str(path)])
    dataset = OwnFaceDataset(str(annotations), '', data_prefix=dict(img=str(own)))
    boxes = dataset.metainfo['training_boxes']
    trained = small_checkpoint(tmp_path / 'b.pth', training_boxes=boxes)
    export(load_model(trained), tmp_path / 'b.onnx')
    image = photo(1)
    (raw,) = HaarDetector('cascade')(image)
    wanted = box_from_detection(raw, **RELATION)
    for model in (path, trained, tmp_path / 'b.onnx'):
        result = load_model(model, detector='haar')(image)
        np.testing.assert_allclose(result.boxes, [wanted], atol=0.1)
        assert load_model(model).info.training_boxes == boxes
    # An exported model that does not know them receives them.
    description = tmp_path / 'b.json'
    content = json.loads(description.read_text())
    description.write_text(json.dumps(dict(content, training_boxes={})))
    with pytest.raises(ValueError, match='--save MODEL'):
        load_model(tmp_path / 'b.onnx', detector='haar')
    detector_boxes.main([*words, str(tmp_path / 'b.onnx')])
    assert json.loads(description.read_text()) == content


@pytest.mark.parametrize('name', shipped_models())
def test_shipped_models_keep_their_boxes(name: str) -> None:
    rule = 'extent' if '68' in name else 'eyes_and_mouth'
    for runtime in ('onnx', 'torch'):
        model = load_model(name, runtime=runtime)
        detector = HaarDetector.for_model(model)
        assert detector.correction == haar.CALIBRATED[rule]
        assert detector.box_rule == dict(rule='given')
        assert model.info.training_boxes['keypoints'] == dict(rule=rule)


def test_datasets_of_this_project() -> None:
    assert training_boxes_of(dict(dataset_name='300w')) == EXTENT
    assert training_boxes_of(dict(dataset_name='mtfl')) == EYES_AND_MOUTH
    old = dict(dataset_name='own', list_name='synthetic faces, train, seed 0')
    assert training_boxes_of(dict(old, num_keypoints=5)) == EYES_AND_MOUTH
    assert training_boxes_of(dict(old, num_keypoints=68)) == EXTENT
    assert training_boxes_of(dict(dataset_name='own', num_keypoints=5)) == {}


# ------------------------------------------------------------ unknown boxes


def test_unknown_boxes_are_an_error_with_the_cure(tmp_path: Path) -> None:
    path = small_checkpoint(tmp_path / 'a.pth', dataset_name='own')
    with pytest.raises(ValueError, match=r"'a' does not say .*detector_boxes"):
        load_model(path, detector='haar')
    image = photo(0)
    assert len(load_model(path)(image, boxes=[[90, 60, 250, 220]])) == 1
    # The choice of the caller needs no measurement.
    model = load_model(path, detector=HaarDetector(dict(scale=1.3)))
    (raw,) = HaarDetector('cascade')(image)
    wanted = box_from_detection(raw, 1.3)
    np.testing.assert_allclose(model(image).boxes, [wanted])


def test_a_training_that_crops_other_boxes_than_the_annotated(tmp_path: Path) -> None:
    path = small_checkpoint(tmp_path / 'a.pth', training_boxes=EXTENT)
    cfg = config()
    assert load_model(cfg, path).info.training_boxes == EXTENT
    cfg.test_dataloader.dataset.pipeline[1] = dict(
        type='rcn_mmpose.FaceBox', rule='detection', shift=0.2
    )
    assert load_model(cfg, path).info.training_boxes == {}


@pytest.mark.parametrize(
    'boxes',
    [
        dict(haar=dict(scale=0.0)),
        dict(haar=dict(scale=float('nan'))),
        dict(haar=dict(scale='1')),
        dict(haar=dict(size=1.0)),
        dict(haar={}),
        dict(haar=1.2),
        dict(haar=dict(rule='extent')),
        dict(keypoints=dict(rule='given')),
        [1.2],
    ],
)
def test_bad_training_boxes(boxes: object) -> None:
    with pytest.raises(ValueError, match='training_boxes='):
        check_training_boxes(boxes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='training_boxes='):
        ModelInfo((40, 40), ('a',), training_boxes=boxes)  # type: ignore[arg-type]


def test_files_that_cannot_receive_boxes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_training_boxes(str(tmp_path / 'a.pth'), EXTENT)
    for name in ('a.txt', 'a.json'):
        (tmp_path / name).write_text('{}')
        with pytest.raises(ValueError, match='annotation file'):
            save_training_boxes(str(tmp_path / name), EXTENT)
