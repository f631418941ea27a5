"""MMDetDetector, with models that the functions of MMDetection build and run."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope, init_default_scope

from rcn_mmpose import compat
from rcn_mmpose.detect import MMDetDetector
from rcn_mmpose.geometry.boxes import box_from_detection

CONFIG = """
default_scope = 'mmdet'
model = dict(
    type='FixedBoxes',
    backbone=dict(type='mmdet.ResNet', depth=18),
    data_preprocessor=dict(type='DetDataPreprocessor'),
)
test_dataloader = dict(
    dataset=dict(
        type='CocoDataset',
        ann_file='none.json',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(100, 50), keep_ratio=True),
            dict(
                type='PackDetInputs',
                meta_keys=('img_shape', 'ori_shape', 'scale_factor'),
            ),
        ],
    )
)
"""
BOXES = [(1, 2, 11, 22), (3, 4, 23, 34), (5, 6, 7, 8), (0, 0, 9, 9)]
BOXES += [(50, 3, 50, 9)]  # of width 0 after clipping
LABELS = [0, 0, 1, 0, 0]
SCORES = [0.6, 0.9, 0.99, 0.1, 0.8]


@pytest.fixture(scope='module')
def fixed_boxes() -> None:
    """Register a detector that always returns the same boxes."""
    from mmdet.models import BaseDetector
    from mmdet.registry import MODELS
    from mmengine.structures import InstanceData

    @MODELS.register_module(force=True)
    class FixedBoxes(BaseDetector):
        def __init__(self, backbone: dict, data_preprocessor: dict) -> None:
            super().__init__(data_preprocessor)
            self.shapes: list[tuple] = []
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def predict(self, batch_inputs: torch.Tensor, batch_data_samples: list) -> list:
            self.shapes.append(tuple(batch_inputs.shape))
            batch_data_samples[0].pred_instances = InstanceData(
                bboxes=torch.tensor(BOXES).float() * self.weight,
                labels=torch.tensor(LABELS),
                scores=torch.tensor(SCORES),
            )
            return batch_data_samples

        def loss(self, *args: object) -> dict:
            return {}

        def extract_feat(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs

        def _forward(self, *args: object) -> tuple:
            return ()


@pytest.fixture
def files(tmp_path: Path, fixed_boxes: None) -> tuple[Path, Path]:
    """Config and checkpoint; the weight 1 does not scale the boxes."""
    config, checkpoint = tmp_path / 'fixed.py', tmp_path / 'fixed.pth'
    config.write_text(CONFIG)
    meta = dict(dataset_meta=dict(classes=('face', 'hand'), palette='random'))
    state = dict(weight=torch.ones(1))
    torch.save(dict(meta=meta, state_dict=state), checkpoint)
    return config, checkpoint


def test_faces_above_the_score(files: tuple[Path, Path]) -> None:
    image = np.zeros((50, 100, 3), np.uint8)
    detector = MMDetDetector(*files)
    boxes = detector(image)
    assert boxes.dtype == np.float64
    assert boxes.tolist() == [[3, 4, 23, 34], [1, 2, 11, 22]]
    assert detector(image[..., 0]).tolist() == boxes.tolist()
    assert detector._model.shapes == [(1, 3, 50, 100)] * 2
    strict = MMDetDetector(*files, score=0.95)
    assert strict(image).shape == (0, 4)
    hands = MMDetDetector(*files, label=1)
    assert hands(image).tolist() == [[5, 6, 7, 8]]


def test_correction(files: tuple[Path, Path]) -> None:
    correction = dict(scale=1.5, shift=0.2)
    detector = MMDetDetector(*files, correction=correction)
    boxes = detector(np.zeros((50, 100, 3), np.uint8))
    for box, raw in zip(boxes, (BOXES[1], BOXES[0]), strict=True):
        wanted = box_from_detection(np.array(raw), 1.5, 0.2)
        np.testing.assert_allclose(box, wanted)


def test_the_default_scope_does_not_change(files: tuple[Path, Path]) -> None:
    init_default_scope('mmpose')
    MMDetDetector(*files)(np.zeros((50, 100, 3), np.uint8))
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'


def test_invalid_arguments(files: tuple[Path, Path]) -> None:
    with pytest.raises(FileNotFoundError, match='none.py'):
        MMDetDetector('none.py', files[1])
    with pytest.raises(ValueError, match='score=2'):
        MMDetDetector(*files, score=2)
    with pytest.raises(ValueError, match='give scale and shift'):
        MMDetDetector(*files, correction=dict(scale=1))


SSD = """
default_scope = 'mmdet'
model = dict(
    type='SingleStageDetector',
    data_preprocessor=dict(type='DetDataPreprocessor'),
    backbone=dict(type='mmdet.ResNet', depth=18, out_indices=(2, 3)),
    bbox_head=dict(
        type='SSDHead',
        in_channels=(256, 512),
        num_classes=1,
        anchor_generator=dict(
            type='SSDAnchorGenerator',
            scale_major=False,
            input_size=64,
            strides=[16, 32],
            ratios=[[2], [2]],
            min_sizes=[16, 32],
            max_sizes=[32, 64],
        ),
    ),
    test_cfg=dict(
        nms_pre=20,
        nms=dict(type='nms', iou_threshold=0.45),
        score_thr=0.0,
        max_per_img=5,
    ),
)
"""


def test_ssd_of_mmdetection(tmp_path: Path) -> None:
    from mmdet.registry import MODELS
    from mmengine.config import Config

    config, checkpoint = tmp_path / 'ssd.py', tmp_path / 'ssd.pth'
    config.write_text(SSD + CONFIG[CONFIG.index('test_dataloader') :])
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(Config.fromfile(config).model)
    # With regression weights of zero, the boxes are the anchors. Some anchors lie in
    # the image.
    for layer in model.bbox_head.reg_convs:
        for parameter in layer.parameters():
            torch.nn.init.zeros_(parameter)
    meta = dict(dataset_meta=dict(classes=('face',), palette='random'))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), checkpoint)
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3))
    detector = MMDetDetector(config, checkpoint, score=0.0)
    if 'mmcv operators' in {fault.name for fault in compat.active()}:
        with pytest.raises(RuntimeError, match="'nms' .* build mmcv"):
            detector(image.astype(np.uint8))
        return
    boxes = detector(image.astype(np.uint8))
    assert 1 <= len(boxes) <= 5
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= 0).all() and (boxes <= 64).all()


# ----------------------------------------------------------- threads and copies


@pytest.mark.parametrize('threads', [2, 4, 8])
def test_threads_share_a_detector(files: tuple[Path, Path], threads: int) -> None:
    """The default scope of MMEngine is one variable of the process."""
    images = [np.zeros((50 + i, 100, 3), np.uint8) for i in range(8)]
    expected = MMDetDetector(*files)(images[0])
    init_default_scope('mmpose')
    shared = MMDetDetector(*files)  # builds its model in one of the threads
    others = [MMDetDetector(*files) for _ in range(2)]
    detectors = [shared, *others] * 4
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(d, i) for d in detectors for i in images]
    for call in calls:
        np.testing.assert_array_equal(call.result(), expected)
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'


def test_a_model_is_loaded_while_a_detector_runs(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    from rcn_mmpose import load_model

    detector, image = MMDetDetector(*files), np.zeros((50, 100, 3), np.uint8)
    expected = detector(image)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(detector, image) for _ in range(60)]
        loads = [pool.submit(load_model, 'rcn-5', runtime='torch') for _ in range(3)]
    for call in calls:
        np.testing.assert_array_equal(call.result(), expected)
    assert {load.result().info.name for load in loads} == {'rcn-5'}


def test_copies_build_the_detector_again(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files[0].parent)
    detector = MMDetDetector(files[0].name, files[1].name, score=0.7)
    image = np.zeros((50, 100, 3), np.uint8)
    expected = detector(image)
    content = pickle.dumps(detector)
    assert len(content) < 2000
    monkeypatch.chdir('/')
    for twin in (pickle.loads(content), deepcopy(detector)):
        assert twin.score == 0.7
        np.testing.assert_array_equal(twin(image), expected)
