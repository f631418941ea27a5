"""What only real faces can show; skipped where the data are not there."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.apis import init_model
from mmpose.datasets.transforms import PackPoseInputs

from rcn_mmpose.datasets.transforms import CropFace, FaceBox, LoadGreyImage

DATA = Path(__file__).parents[1] / 'data'
WORK = Path(__file__).parents[1] / 'work_dirs' / 'rcn_aflw'

needs_mtfl = pytest.mark.skipif(
    not (DATA / 'mtfl' / 'training.txt').is_file(),
    reason='needs MTFL in data/mtfl',
)
needs_checkpoint = pytest.mark.skipif(
    not (DATA / 'annotations' / 'mtfl_val.json').is_file()
    or not list(WORK.glob('best_*.pth')),
    reason='needs a training of configs/rcn_aflw.py in work_dirs/rcn_aflw',
)


@needs_mtfl
def test_mtfl_is_converted(tmp_path: Path, mtfl2coco: ModuleType) -> None:
    mtfl2coco.main([str(DATA / 'mtfl'), '--out', str(tmp_path)])
    files = {
        name: json.loads((tmp_path / f'{name}.json').read_text())
        for name in ('mtfl_train', 'mtfl_val', 'aflw5_test')
    }
    count = {name: len(x['annotations']) for name, x in files.items()}
    assert count == dict(mtfl_train=9000, mtfl_val=1000, aflw5_test=2995)
    names = {
        name: {image['file_name'] for image in x['images']} for name, x in files.items()
    }
    assert not names['mtfl_train'] & names['mtfl_val']
    # boxes stay inside their images
    for content in files.values():
        size = {i['id']: (i['width'], i['height']) for i in content['images']}
        for face in content['annotations']:
            x, y, w, h = face['bbox']
            width, height = size[face['image_id']]
            assert x >= 0 and y >= 0 and abs(w - h) < 2e-3
            assert x + w <= width + 2e-3 and y + h <= height + 2e-3


@needs_mtfl
@needs_checkpoint
def test_enlarged_images_give_the_same_keypoints(root: Path) -> None:
    """An image 8 times larger moves keypoints by less than 1 %."""
    checkpoint = sorted(WORK.glob('best_*.pth'))[-1]
    cfg = Config.fromfile(str(root / 'configs' / 'rcn_aflw.py'))
    model = init_model(cfg, str(checkpoint), device='cpu')
    content = json.loads((DATA / 'annotations/mtfl_val.json').read_text())
    steps = [
        LoadGreyImage(),
        FaceBox(),
        CropFace(input_size=(80, 80)),
        PackPoseInputs(),
    ]

    def predict(img: np.ndarray, box: np.ndarray) -> np.ndarray:
        results = dict(img=img, bbox=box[None], bbox_score=np.ones(1))
        for step in steps:
            results = step(results)
        batch = dict(inputs=[results['inputs']], data_samples=[results['data_samples']])
        return model.test_step(batch)[0].pred_instances.keypoints[0]

    moved = []
    for image, face in list(
        zip(content['images'], content['annotations'], strict=True)
    )[::50]:
        img = cv2.imread(str(DATA / 'mtfl' / image['file_name']))
        large = cv2.resize(img, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
        x, y, w, h = face['bbox']
        box = np.array([x, y, x + w, y + h], np.float32)
        plain = predict(img, box)
        # pixel centre x becomes 8 x + 3.5
        again = (predict(large, 8 * box + 3.5) - 3.5) / 8
        points = np.array(face['keypoints']).reshape(5, 3)[:, :2]
        eyes = np.linalg.norm(points[0] - points[1])
        moved.append(np.linalg.norm(again - plain, axis=-1).mean() / eyes)
    print(f'moved: mean {np.mean(moved):.4f}, largest {np.max(moved):.4f}')
    assert len(moved) == 20
    assert np.max(moved) < 0.01
