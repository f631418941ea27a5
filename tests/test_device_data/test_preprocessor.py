from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample
from test_pipeline import (
    FACES,
    FLIP,
    FLIP_INDICES,
    JITTER,
    OCCLUSION,
    batched,
    steps,
    wide_crops,
)

from rcn_mmpose.device_data import CropCachePreprocessor
from rcn_mmpose.device_data.cache import CachedFace, ensure_cache
from rcn_mmpose.device_data.preprocessor import uniform_draws
from rcn_mmpose.image.lcn import local_contrast_normalize
from rcn_mmpose.models import LCNDataPreprocessor
from rcn_mmpose.models.heads import SpatialSoftmaxHead

PIPELINE = steps(FLIP, dict(JITTER, rotation=40), occlusion=(OCCLUSION,))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The folder of a cache of some faces."""
    crops, keypoints, visible = wide_crops(160)
    folder = str(tmp_path / 'crops')
    ensure_cache(
        folder,
        dict(faces=FACES, crop_size=160, extent=1.7831493),
        lambda i: CachedFace(crops[i], keypoints[i], visible[i]),
        np.array(FLIP_INDICES),
    )
    return folder


@pytest.fixture
def batch(folder: str) -> Callable[..., dict]:
    """A function that makes batches in the format of the loader."""

    def make(*indices: int, seed: int = 0, epoch: int = 0) -> dict:
        keys = np.array([(seed, epoch, i) for i in indices], np.int64)
        return pseudo_collate([dict(crop_cache=folder, keys=keys)])

    return make


def test_result_of_the_parts(batch: Callable) -> None:
    """The result equals the batched pipeline and LCN with the numbers of the keys."""
    rows = [3, 0, 20]
    keys = np.array([(7, 2, i) for i in rows])
    grey, labels = batched(
        PIPELINE,
        tuple(x[rows] for x in wide_crops(160)),
        uniform_draws(keys, FACES),
    )
    made = CropCachePreprocessor(PIPELINE)(batch(*rows, seed=7, epoch=2), True)
    torch.testing.assert_close(
        made['inputs'], local_contrast_normalize(grey), atol=1e-6, rtol=0
    )
    assert len(made['data_samples']) == 3
    for i, sample in enumerate(made['data_samples']):
        found = sample.gt_instance_labels
        assert found.keys() == labels.keys()
        for name, value in labels.items():
            assert torch.equal(getattr(found, name), value[i : i + 1])
        assert not hasattr(found, 'heatmaps')


@pytest.mark.parametrize('batch_floor', [False, True])
def test_lower_bound_of_the_contrast(batch: Callable, batch_floor: bool) -> None:
    indices = range(FACES)
    module = CropCachePreprocessor(PIPELINE, batch_floor_in_training=batch_floor)
    found = module(batch(*indices), True)['inputs']
    keys = np.array([(0, 0, i) for i in indices])
    grey, _ = batched(PIPELINE, wide_crops(160), uniform_draws(keys, FACES))
    floors = [local_contrast_normalize(grey, x) for x in ('image', 'batch')]
    assert (floors[0] - floors[1]).abs().max() > 0.01
    torch.testing.assert_close(found, floors[batch_floor], atol=1e-6, rtol=0)


def test_a_face_does_not_depend_on_earlier_batches(batch: Callable) -> None:
    whole = CropCachePreprocessor(PIPELINE)(batch(*range(FACES), epoch=3))
    module = CropCachePreprocessor(PIPELINE)
    module(batch(5, 6, epoch=2))
    for rows in ([4], [9, 4, 1]):
        part = module(batch(*rows, epoch=3))
        torch.testing.assert_close(part['inputs'], whole['inputs'][rows])
        for row, sample in zip(rows, part['data_samples'], strict=True):
            expected = whole['data_samples'][row].gt_instance_labels
            for name, value in sample.gt_instance_labels.items():
                assert torch.equal(value, expected[name])


def test_other_epochs_and_seeds_give_other_images(batch: Callable) -> None:
    module = CropCachePreprocessor(PIPELINE)
    first = module(batch(0, 1, 2))['inputs']
    for other in (batch(0, 1, 2, epoch=1), batch(0, 1, 2, seed=1)):
        difference = (module(other)['inputs'] - first).abs()
        assert (difference.mean((1, 2, 3)) > 0.01).all()


def test_keys_collected_one_by_one(folder: str) -> None:
    """A default loader collects one key per face."""
    module = CropCachePreprocessor(PIPELINE)
    keys = np.array([(0, 0, i) for i in range(4)], np.int64)
    single = pseudo_collate(
        [dict(crop_cache=folder, keys=keys[i : i + 1]) for i in range(4)]
    )
    whole = pseudo_collate([dict(crop_cache=folder, keys=keys)])
    assert torch.equal(module(single)['inputs'], module(whole)['inputs'])


def test_batches_of_images_get_plain_lcn() -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (3, 1, 80, 80)).astype(np.uint8)

    def data() -> dict:
        return dict(
            inputs=list(map(torch.from_numpy, crops)),
            data_samples=[PoseDataSample() for _ in crops],
        )

    found = CropCachePreprocessor(PIPELINE)(data())
    expected = LCNDataPreprocessor()(data())
    assert torch.equal(found['inputs'], expected['inputs'])
    assert isinstance(found['data_samples'][0], PoseDataSample)


def test_a_head_accepts_the_samples(batch: Callable) -> None:
    """The loss equals the loss of PoseDataSamples with the same targets."""
    from mmengine.structures import InstanceData

    made = CropCachePreprocessor(PIPELINE)(batch(1, 2, 3), True)
    real = []
    for sample in made['data_samples']:
        real.append(PoseDataSample())
        real[-1].gt_instance_labels = InstanceData(**sample.gt_instance_labels)
    head = SpatialSoftmaxHead(1, 5)
    losses = [
        head.loss((made['inputs'],), samples)['loss_kpt']
        for samples in (made['data_samples'], real)
    ]
    assert losses[0] > 0
    assert losses[0] == losses[1]


def test_under_autocast(batch: Callable) -> None:
    plain = CropCachePreprocessor(PIPELINE)(batch(1, 2), True)['inputs']
    with torch.autocast('cpu', torch.bfloat16):
        found = CropCachePreprocessor(PIPELINE)(batch(1, 2), True)['inputs']
    assert found.dtype == torch.float32
    assert torch.equal(found, plain)


def test_crops_are_not_in_checkpoints(batch: Callable) -> None:
    module = CropCachePreprocessor(PIPELINE)
    module(batch(0))
    assert not module.state_dict()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('max_device_gb', [0, 4])
def test_on_a_gpu(batch: Callable, max_device_gb: float) -> None:
    """Results equal the CPU up to rounding, with crops on the GPU or copied."""
    rows = range(FACES)
    expected = CropCachePreprocessor(PIPELINE)(batch(*rows), True)
    module = CropCachePreprocessor(PIPELINE, max_device_gb=max_device_gb)
    made = module.cuda()(batch(*rows), True)
    assert made['inputs'].is_cuda
    difference = (made['inputs'].cpu() - expected['inputs']).abs()
    assert difference.mean() < 1e-3
    cells = [
        torch.cat([s.gt_instance_labels.keypoint_cells for s in samples]).cpu()
        for samples in (made['data_samples'], expected['data_samples'])
    ]
    assert (cells[0] != cells[1]).sum() <= 1
