"""``tools/test.py``, TorchPredictor and OnnxPredictor agree on real faces."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from torch import nn

from rcn_mmpose import load_model
from rcn_mmpose.inference import (
    OnnxPredictor,
    Result,
    TorchPredictor,
    export,
    quantize,
)
from rcn_mmpose.inference.estimator import load_estimator
from rcn_mmpose.inference.parity import compare
from rcn_mmpose.synthetic import render_face

from .small_model import build, config, write_checkpoint

ROOT = Path(__file__).resolve().parents[2]
ANNOTATIONS = ROOT / 'data' / 'annotations' / '300w_val.json'
MODEL = ROOT / 'rcn_mmpose' / 'shipped' / 'models' / 'rcn-68.pth'

needs_300w = pytest.mark.skipif(
    not ANNOTATIONS.is_file(), reason='needs 300W in data/300w, converted'
)


def by_the_test_loop(
    model: nn.Module, dataset_config: dict
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return keypoints, scores and sides of the crops by the test loop of MMPose."""
    dataset = DATASETS.build(dataset_config)
    found, sides = [], []
    for start in range(0, len(dataset), 32):
        rows = range(start, min(start + 32, len(dataset)))
        batch = pseudo_collate([dataset[i] for i in rows])
        with torch.inference_mode():
            samples = model.test_step(batch)
        found += [s.pred_instances for s in samples]
        sides += [s.metainfo['input_scale'][0] for s in samples]
    return (
        np.concatenate([x.keypoints for x in found]),
        np.concatenate([x.keypoint_scores for x in found]),
        np.array(sides),
    )


def check(expected: tuple[np.ndarray, ...], found: Result, size: int) -> None:
    """Compare with tolerances of 0.01 crop pixels and 1e-4 of confidence."""
    keypoints, scores, sides = expected
    assert found.found.all()
    apart = np.abs(found.keypoints - keypoints) / sides[:, None, None] * size
    assert apart.max() < 0.01
    assert np.abs(found.confidence - scores).max() < 1e-4


class RealFaces:
    """The faces of an annotation file of 300W."""

    def __init__(self, part: str, step: int = 1) -> None:
        data = ROOT / 'data'
        content = json.loads((data / 'annotations' / f'300w_{part}.json').read_text())
        names = {x['id']: x['file_name'] for x in content['images']}
        faces = content['annotations'][::step]
        self.paths = [data / '300w' / names[x['image_id']] for x in faces]
        corners = np.array([x['bbox'] for x in faces])
        corners[:, 2:] += corners[:, :2]
        self.boxes = corners[:, None]
        points = np.array([x['keypoints'] for x in faces])
        self.truth = points.reshape(len(faces), 68, 3)[..., :2]

    def crops(self, predictor: TorchPredictor) -> np.ndarray:
        return np.concatenate(
            [
                predictor.crop(cv2.imread(str(path)), box)
                for path, box in zip(self.paths, self.boxes, strict=True)
            ]
        )

    def error(self, keypoints: np.ndarray) -> float:
        """Return the mean error in percent of the distance of the eye centres."""
        eyes = [self.truth[:, pair].mean(1) for pair in ((36, 39), (42, 45))]
        apart = np.linalg.norm(keypoints - self.truth, axis=-1).mean(1)
        between = np.linalg.norm(eyes[0] - eyes[1], axis=-1)
        return 100 * float((apart / between).mean())


@pytest.mark.slow
@needs_300w
def test_200_real_faces(tmp_path: Path) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'shipped' / 'rcn_68.py')
    init_default_scope('mmpose')
    model = load_estimator(cfg, MODEL)[0].eval()
    cfg.val_dataloader.dataset.data_root = f'{ROOT}/data/'
    expected = by_the_test_loop(model, cfg.val_dataloader.dataset)

    faces = RealFaces('val')
    predictor = load_model(MODEL)
    result = predictor(faces.paths, faces.boxes)
    crops = faces.crops(predictor)
    assert len(crops) == len(result) == 200
    export(predictor, tmp_path / 'a.onnx')
    theirs = load_model(tmp_path / 'a.onnx').predict_crops(crops)

    # All values are converted to pixels of the crops.
    keypoints, scores, sides = expected
    centre = (faces.boxes[..., :2] + faces.boxes[..., 2:]) / 2
    corner = centre - sides[:, None, None] / 2
    scale = 80 / sides[:, None, None]
    ours = (
        (result.keypoints - corner) * scale,
        result.confidence,
        result.covariance * scale[..., None] ** 2,
    )
    loop = ((keypoints - corner) * scale, scores, ours[2])
    for name, other in (('loop', loop), ('onnx', theirs)):
        parity = compare(predictor, crops, other, ours)
        print(name, parity)
        assert parity.keypoints < 0.01 and parity.confidence < 1e-4
        assert parity.deviation < 0.01
        assert len(parity.near_ties) <= 5  # of 13,600


@pytest.mark.slow
@needs_300w
def test_lower_precision_changes_the_error_by_less_than_0_1_points(
    tmp_path: Path,
) -> None:
    faces = RealFaces('val')
    exact = load_model(MODEL)
    export(exact, tmp_path / 'a.onnx')
    some = RealFaces('train', step=36).crops(exact)
    quantize(tmp_path / 'a.onnx', tmp_path / 'int8.onnx', some)
    models = dict(
        fp32=exact,
        bf16=load_model(MODEL, precision='bf16'),
        int8=load_model(tmp_path / 'int8.onnx'),
    )
    errors = {
        name: faces.error(model(faces.paths, faces.boxes).keypoints)
        for name, model in models.items()
    }
    print(errors)
    for name in ('bf16', 'int8'):
        assert 0 < abs(errors[name] - errors['fp32']) < 0.1


@pytest.fixture(scope='module')
def rendered(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[np.ndarray]]:
    """The folder of a dataset of rendered faces, and the boxes of the faces."""
    folder = tmp_path_factory.mktemp('rendered')
    images, annotations, boxes = [], [], []
    for i in range(6):
        face = render_face(i)
        cv2.imwrite(str(folder / f'{i}.png'), face.image)
        height, width = face.image.shape[:2]
        images.append(dict(id=i, file_name=f'{i}.png', width=width, height=height))
        # Some boxes extend over the border of the image.
        x, y = 0.1 * width - 9 * i, 0.15 * height
        w, h = 0.7 * width, (0.6 + 0.05 * i) * height
        boxes.append(np.array([x, y, x + w, y + h]))
        points = np.full((5, 3), 2.0)
        points[:, :2] = boxes[-1][:2] + w / 2
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                bbox=[x, y, w, h],
                area=w * h,
                iscrowd=0,
                keypoints=points.ravel().tolist(),
                num_keypoints=5,
            )
        )
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='face')],
    )
    (folder / 'faces.json').write_text(json.dumps(content))
    return folder, boxes


def test_rendered_faces(
    rendered: tuple[Path, list[np.ndarray]], tmp_path: Path
) -> None:
    folder, boxes = rendered
    cfg, model = config(), build()
    expected = by_the_test_loop(
        model,
        dict(
            cfg.test_dataloader.dataset,
            data_root=f'{folder}/',
            ann_file='faces.json',
            data_prefix=dict(img=''),
            test_mode=True,
        ),
    )
    path = write_checkpoint(tmp_path / 'a.pth', cfg, model)
    predictor: TorchPredictor = load_model(path)
    paths = [folder / f'{i}.png' for i in range(len(boxes))]
    result = predictor(paths, [[box] for box in boxes])
    check(expected, result, 40)

    export(predictor, tmp_path / 'a.onnx')
    theirs = OnnxPredictor(tmp_path / 'a.onnx')(paths, [[box] for box in boxes])
    check((result.keypoints, result.confidence, expected[2]), theirs, 40)
