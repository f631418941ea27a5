from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from rcn_mmpose.image.lcn import local_contrast_normalize
from rcn_mmpose.models import LCNDataPreprocessor
from rcn_mmpose.registry import TRANSFORMS


def batch() -> dict:
    """Three crops of different contrast."""
    from mmpose.structures import PoseDataSample

    rng = np.random.default_rng(0)
    crops = [
        torch.from_numpy(rng.integers(128 - c, 128 + c, (1, 20, 24)).astype(np.uint8))
        for c in (2, 30, 120)
    ]
    return dict(inputs=crops, data_samples=[PoseDataSample() for _ in crops])


@pytest.mark.parametrize('batch_floor', [False, True])
def test_the_floor_of_training_and_evaluation(batch_floor: bool) -> None:
    data = batch()
    raw = torch.stack(data['inputs'])
    by_image = local_contrast_normalize(raw, 'image')
    by_batch = local_contrast_normalize(raw, 'batch')
    assert (by_image - by_batch).abs().max() > 0.01

    module = LCNDataPreprocessor(batch_floor_in_training=batch_floor)
    evaluated = module(data, training=False)
    assert torch.equal(evaluated['inputs'], by_image)
    trained = module(data, training=True)
    wanted = by_batch if batch_floor else by_image
    assert torch.equal(trained['inputs'], wanted)
    assert trained['inputs'].dtype == torch.float32
    assert trained['data_samples'] is not None
    # the crops of the batch are not modified
    assert data['inputs'][0].dtype == torch.uint8


def test_stacked_crops() -> None:
    data = batch()
    stacked = dict(data, inputs=torch.stack(data['inputs']))
    module = LCNDataPreprocessor()
    torch.testing.assert_close(module(stacked)['inputs'], module(data)['inputs'])


def test_crops_that_are_normalised_twice() -> None:
    """The transform LCN and this preprocessor exclude each other."""
    steps = [
        dict(type='rcn_mmpose.CropFace', input_size=(20, 20)),
        dict(type='rcn_mmpose.LCN'),
        dict(type='mmpose.PackPoseInputs'),
    ]
    packed = Compose(steps)(
        dict(
            img=np.arange(900, dtype=np.uint32).reshape(30, 30).astype('u1'),
            bbox_center=np.float32([[15, 15]]),
            bbox_scale=np.float32([[20, 20]]),
        )
    )
    module = LCNDataPreprocessor()
    with pytest.raises(ValueError, match=r'float32.*rcn_mmpose\.LCN'):
        module(
            dict(
                inputs=[packed['inputs']],
                data_samples=[packed['data_samples']],
            )
        )


def test_one_wrong_crop_among_many() -> None:
    data = batch()
    data['inputs'][2] = data['inputs'][2].float()
    with pytest.raises(ValueError, match='uint8'):
        LCNDataPreprocessor()(data)


def test_colour_crops() -> None:
    data = batch()
    data['inputs'] = [x.expand(3, -1, -1) for x in data['inputs']]
    with pytest.raises(ValueError, match='LoadGreyImage'):
        LCNDataPreprocessor()(data)


def test_the_preprocessor_equals_the_transform() -> None:
    data = batch()
    outputs = LCNDataPreprocessor()(data)['inputs']
    transform = TRANSFORMS.build(dict(type='rcn_mmpose.LCN'))
    for crop, expected in zip(data['inputs'], outputs, strict=True):
        found = transform(dict(img=crop[0].numpy()))['img']
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[0], atol=1e-6)
