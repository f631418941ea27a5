"""LoadGreyImage, FaceBox, UniformJitter, RandomOcclusion and complete pipelines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope

from rcn_mmpose.datasets.transforms import (
    FaceBox,
    LoadGreyImage,
    RandomOcclusion,
    UniformJitter,
)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    return cv2.GaussianBlur(img, (0, 0), 2).reshape(img.shape)


def write(path: Path, img: np.ndarray) -> str:
    assert cv2.imwrite(str(path), img)
    return str(path)


# ------------------------------------------------------------------- load


def test_weights_of_the_colour_channels(tmp_path: Path) -> None:
    img = np.zeros((2, 4, 3), np.uint8)
    img[:, 0] = 200, 0, 0  # blue
    img[:, 1] = 0, 200, 0
    img[:, 2] = 0, 0, 200
    img[:, 3] = 200, 100, 50
    expected = [22.8, 117.4, 59.8, 96.45]
    path = write(tmp_path / 'a.png', img)
    for results in (dict(img_path=path), dict(img=img)):
        results = LoadGreyImage()(results)
        assert results['img'].dtype == np.uint8
        assert results['img'].shape == (2, 4)
        np.testing.assert_allclose(results['img'][1], expected, atol=0.51)
        assert results['img_shape'] == results['ori_shape'] == (2, 4)


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.jpg'])
def test_file_and_array_give_the_same(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f'a{suffix}', smooth(40, 30))
    from_file = LoadGreyImage()(dict(img_path=path))
    from_array = LoadGreyImage()(dict(img=cv2.imread(path)))
    assert np.array_equal(from_file['img'], from_array['img'])
    assert from_file['img_path'] == path
    assert from_array['img_path'] is None
    assert from_file['ori_shape'] == from_array['ori_shape'] == (40, 30)


@pytest.mark.parametrize('suffix', ['.png', '.bmp'])
def test_one_channel_is_not_changed(tmp_path: Path, suffix: str) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = write(tmp_path / f'a{suffix}', ramp)
    for results in (
        dict(img_path=path),
        dict(img=ramp),
        dict(img=ramp[..., None]),
        dict(img=np.dstack([ramp] * 3)),
    ):
        assert np.array_equal(LoadGreyImage()(results)['img'], ramp)


def test_an_array_has_priority_over_its_file() -> None:
    results = dict(img=np.ones((3, 3), np.uint8), img_path='no/such.png')
    results = LoadGreyImage()(results)
    assert results['img'].all()
    assert results['img_path'] == 'no/such.png'


def test_missing_file(tmp_path: Path) -> None:
    path = str(tmp_path / 'b.png')
    with pytest.raises(FileNotFoundError, match='data_prefix') as error:
        LoadGreyImage()(dict(img_path=path))
    assert path in str(error.value)


@pytest.mark.parametrize('part', [0, 0.1, 0.5, 0.95])
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_truncated_file(tmp_path: Path, suffix: str, part: float) -> None:
    path = tmp_path / f'a{suffix}'
    write(path, smooth(120, 100))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r'corrupt or cut short') as error:
        LoadGreyImage()(dict(img_path=str(path)))
    assert str(path) in str(error.value)


def test_file_that_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    path.write_text('<html>404</html>')
    with pytest.raises(ValueError, match='16 bytes'):
        LoadGreyImage()(dict(img_path=str(path)))


@pytest.mark.parametrize(
    'img',
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
    ids=lambda x: f'{x.dtype}-{x.shape}',
)
def test_wrong_array(img: np.ndarray) -> None:
    with pytest.raises(ValueError, match='give uint8') as error:
        LoadGreyImage()(dict(img=img))
    assert str(img.dtype) in str(error.value)


# -------------------------------------------------------------------- box


FACE = np.float32([[(80, 100), (120, 100), (0, 0), (90, 130), (110, 130)]])


@pytest.mark.parametrize(
    ('options', 'centre', 'size'),
    [
        # A box that is not square is enlarged to a square.
        (dict(), (40, 30), (60, 60)),
        (dict(rule='given'), (40, 30), (60, 60)),
        # The longer side is 60: a square of 66, shifted down by 0.07 * 60.
        (dict(rule='detection'), (40, 34.2), (66, 66)),
        (dict(rule='detection', scale=2, shift=0), (40, 30), (120, 120)),
        # Side 40 + 2 * 0.95 * 40, around the eyes and the mouth.
        (dict(rule='eyes_and_mouth'), (100, 115), (116, 116)),
        (dict(rule='eyes_and_mouth', margin=1), (100, 115), (120, 120)),
        # All keypoints, also the nose tip at (0, 0): 130 * 1.3.
        (dict(rule='extent'), (60, 65), (169, 169)),
        (dict(rule='extent', scale=1), (60, 65), (130, 130)),
    ],
)
def test_rules_for_boxes(options: dict, centre: tuple, size: tuple) -> None:
    results = FaceBox(**options)(
        dict(
            bbox=np.float32([[10, 20, 70, 40]]),
            keypoints=FACE,
            img_shape=(300, 400),
        )
    )
    for key, expected in (('bbox_center', centre), ('bbox_scale', size)):
        assert results[key].dtype == np.float32
        np.testing.assert_allclose(results[key], [expected], rtol=1e-6)


def test_invisible_keypoints_are_ignored() -> None:
    results = dict(
        keypoints=FACE,
        keypoints_visible=np.float32([[1, 1, 0, 1, 1]]),
        img_shape=(300, 400),
    )
    found = FaceBox('extent', scale=1)(results)
    # Without the nose tip at (0, 0): x 80 to 120, y 100 to 130.
    np.testing.assert_allclose(found['bbox_center'], [[100, 115]])
    np.testing.assert_allclose(found['bbox_scale'], [[40, 40]])
    with pytest.raises(ValueError, match=r'all five.*\[0, 1, 3, 4\]'):
        FaceBox('eyes_and_mouth')(results)


def test_box_in_an_image_that_is_not_square() -> None:
    """The box is shifted into (width, height), not (height, width)."""
    results = dict(
        bbox=np.float32([[0, 0, 1, 1]]),
        keypoints=FACE + np.float32((250, 0)),
        img_shape=(300, 400),
    )
    results = FaceBox('eyes_and_mouth')(results)
    np.testing.assert_allclose(results['bbox_center'], [(342, 115)])


def test_a_rule_without_its_keypoints_is_an_error() -> None:
    results = dict(bbox=np.ones((1, 4)), img_path='face.png')
    for rule in ('extent', 'eyes_and_mouth'):
        with pytest.raises(ValueError, match="face.png.*rule='detection'"):
            FaceBox(rule)(results)


@pytest.mark.parametrize('rule', ['given', 'detection'])
@pytest.mark.parametrize('box', [(5, 5, 5, 9), (9, 5, 5, 9), (np.nan, 1, 5, 5)])
def test_empty_box(rule: str, box: tuple) -> None:
    results = dict(bbox=np.float32([box]), img_path='face.png')
    with pytest.raises(ValueError, match='face.png.*empty'):
        FaceBox(rule)(results)


def test_wrong_rule_or_option() -> None:
    with pytest.raises(ValueError, match="'tight'.*'eyes_and_mouth'"):
        FaceBox('tight')
    with pytest.raises(ValueError, match=r"'given' takes .*\['scale'\]"):
        FaceBox('given', scale=2)
    with pytest.raises(ValueError, match=r"'extent' takes .*\['margin'\]"):
        FaceBox('extent', margin=2)


# ----------------------------------------------------------------- jitter


def jittered(count: int, **options: float) -> np.ndarray:
    """Shift (as a fraction of the side), scale and degrees of each draw."""
    np.random.seed(0)
    transform = UniformJitter(**options)
    rows = []
    for _ in range(count):
        results = transform(
            dict(
                bbox_center=np.float32([[100, 50]]),
                bbox_scale=np.float32([[80, 40]]),
            )
        )
        shift = (results['bbox_center'][0] - (100, 50)) / (80, 40)
        width, height = results['bbox_scale'][0]
        assert width == pytest.approx(2 * height)
        rows.append((*shift, height / 40 - 1, results['bbox_rotation'][0]))
    return np.array(rows)


def test_jitter_is_uniform() -> None:
    options = dict(shift=0.2, scale=0.1, rotation=30)
    draws = jittered(4000, **options) / (0.2, 0.2, 0.1, 30)
    assert np.abs(draws).max() <= 1 + 1e-5
    # A quantile of 4000 draws deviates by sqrt(p (1 - p) / 4000) * 2 < 0.016.
    quantiles = np.quantile(draws, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    expected = np.array([-0.9, -0.5, 0, 0.5, 0.9])[:, None]
    assert np.abs(quantiles - expected).max() < 0.065
    # The draws are independent.
    correlation = np.corrcoef(draws.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.065


def test_default_jitter_equals_that_of_the_paper() -> None:
    draws = np.abs(jittered(1000)).max(0)
    np.testing.assert_allclose(draws, (0.1, 0.1, 0.1, 40), rtol=0.01)


def test_no_jitter() -> None:
    assert not jittered(20, shift=0, scale=0, rotation=0).any()


def test_jitter_does_not_change_the_annotation() -> None:
    centre, scale = np.float32([[5, 5]]), np.float32([[9, 9]])
    UniformJitter()(dict(bbox_center=centre, bbox_scale=scale))
    assert centre.tolist() == [[5, 5]]
    assert scale.tolist() == [[9, 9]]


@pytest.mark.parametrize(
    'options', [dict(shift=-0.1), dict(scale=1), dict(rotation=-5)]
)
def test_wrong_jitter(options: dict) -> None:
    with pytest.raises(ValueError, match='0 or more'):
        UniformJitter(**options)


# -------------------------------------------------------------- occlusion


def rectangle(img: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of the black rectangle."""
    rows = np.flatnonzero((img == 0).any(1))
    columns = np.flatnonzero((img == 0).any(0))
    top, left = rows[0], columns[0]
    height, width = rows[-1] - top + 1, columns[-1] - left + 1
    # The rectangle is black; the other pixels are unchanged.
    assert (img[top : top + height, left : left + width] == 0).all()
    assert (img == 0).sum() == height * width
    assert set(np.unique(img)) == {0, 200}
    return top, left, height, width


@pytest.mark.parametrize(
    ('size', 'low', 'high'),
    [
        ((80, 80), (20, 20), (50, 50)),
        ((40, 40), (10, 10), (25, 25)),
        ((80, 40), (20, 10), (50, 25)),
    ],
)
def test_occlusion(size: tuple, low: tuple, high: tuple) -> None:
    np.random.seed(0)
    transform = RandomOcclusion()
    img = np.full(size, 200, np.uint8)
    found = []
    for _ in range(2000):
        out = transform(dict(img=img))['img']
        assert out.shape == size
        found.append(rectangle(out))
    assert (img == 200).all()  # the input is not modified
    top, left, height, width = np.array(found).T
    for start, side, length, least, most in (
        (top, height, size[0], low[0], high[0]),
        (left, width, size[1], low[1], high[1]),
    ):
        # The minimum and the maximum occur, and the mean is in the middle.
        assert (side.min(), side.max()) == (least, most)
        assert side.mean() == pytest.approx((least + most) / 2, rel=0.03)
        assert start.min() == 0
        assert (start + side).max() == length
        # The position is uniform over all positions inside the crop.
        place = start / (length - side)
        assert place.mean() == pytest.approx(0.5, abs=0.03)
        assert place.std() == pytest.approx(12**-0.5, abs=0.03)
    assert abs(np.corrcoef(height, width)[0, 1]) < 0.08


def test_occlusion_with_given_sides() -> None:
    np.random.seed(0)
    img = np.full((30, 20), 200, np.uint8)
    out = RandomOcclusion(sides=(1, 1))(dict(img=img))['img']
    assert not out.any()
    out = RandomOcclusion(sides=(0.1, 0.1))(dict(img=img))['img']
    assert rectangle(out)[2:] == (3, 2)


def test_occlusion_with_a_seed_depends_only_on_the_face() -> None:
    transform = RandomOcclusion(seed=0)
    img = np.full((80, 80), 200, np.uint8)
    first = [transform(dict(img=img, id=i))['img'] for i in (1, 2, 3)]
    np.random.seed(5)
    again = [transform(dict(img=img, id=i))['img'] for i in (3, 2, 1)][::-1]
    np.testing.assert_array_equal(first, again)
    assert len({rectangle(out) for out in first}) == 3
    other = RandomOcclusion(seed=1)(dict(img=img, id=1))['img']
    assert rectangle(other) != rectangle(first[0])


def test_probability_of_occlusion() -> None:
    np.random.seed(0)
    img = np.full((80, 80), 200, np.uint8)

    def count(prob: float) -> int:
        transform = RandomOcclusion(prob=prob)
        return sum((transform(dict(img=img))['img'] == 0).any() for _ in range(400))

    assert count(0) == 0
    assert count(1) == 400
    assert count(0.25) == pytest.approx(100, abs=35)


@pytest.mark.parametrize(
    'options',
    [
        dict(sides=(0.5, 0.2)),
        dict(sides=(20, 50)),
        dict(sides=(0, 0.5)),
        dict(prob=1.5),
        dict(prob=-0.1),
    ],
)
def test_wrong_occlusion(options: dict) -> None:
    with pytest.raises(ValueError, match='smallest'):
        RandomOcclusion(**options)


# -------------------------------------------------------------- pipelines


CODEC = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80))
LOAD_AND_BOX = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
]
CROP = dict(type='rcn_mmpose.CropFace', input_size=(80, 80))


def compose(*steps: dict) -> Compose:
    with DefaultScope.overwrite_default_scope('mmpose'):
        return Compose([*LOAD_AND_BOX, *steps, dict(type='PackPoseInputs')])


def face(**options: object) -> dict:
    """A face whose crop of 80x80 covers the image from (20, 30) to (180, 190)."""
    return dict(
        img=smooth(200, 300),
        bbox=np.float32([[20, 30, 180, 190]]),
        bbox_score=np.ones(1, np.float32),
        id=0,
        img_id=0,
        flip_indices=[1, 0, 2],
        **options,
    )


def with_keypoints() -> dict:
    return face(
        keypoints=np.float32([[(40, 50), (100.6, 61.2), (-10, 300)]]),
        keypoints_visible=np.float32([[1, 1, 1]]),
    )


def test_training_pipeline_without_augmentation() -> None:
    steps = compose(CROP, dict(type='GenerateTarget', encoder=CODEC))
    packed = steps(with_keypoints())
    assert packed['inputs'].shape == (1, 80, 80)
    assert packed['inputs'].dtype == torch.uint8
    labels = packed['data_samples'].gt_instance_labels
    # ((40, 50) - (20, 30)) / 2 = (10, 10), then (40.3, 15.6) -> (40, 16);
    # The keypoint outside the crop gets the border cell (0, 79).
    expected = [10 * 80 + 10, 16 * 80 + 40, 79 * 80]
    assert labels.keypoint_cells[0, :, 0].tolist() == expected
    assert labels.keypoint_cells.dtype == torch.int64
    assert labels.keypoint_cell_weights.tolist() == [[[1], [1], [1]]]
    assert labels.keypoint_weights.tolist() == [[1, 1, 1]]


def test_training_pipeline_with_augmentation() -> None:
    np.random.seed(0)
    steps = compose(
        dict(type='rcn_mmpose.UniformJitter', shift=0.1, rotation=40),
        CROP,
        dict(type='rcn_mmpose.RandomOcclusion'),
        dict(type='GenerateTarget', encoder=CODEC),
    )
    crops, cells = [], []
    for _ in range(10):
        packed = steps(with_keypoints())
        img = packed['inputs'][0].numpy()
        crops.append(img)
        assert (img == 0).sum() >= 20 * 20
        labels = packed['data_samples'].gt_instance_labels
        cells.append(labels.keypoint_cells[0, 1, 0].item())
        # The true keypoints for the metric stay in image coordinates.
        truth = packed['data_samples'].gt_instances
        np.testing.assert_array_equal(truth.keypoints, with_keypoints()['keypoints'])
    assert len(set(cells)) > 5
    assert not np.array_equal(crops[0], crops[1])
    batch = pseudo_collate([steps(with_keypoints()) for _ in range(2)])
    assert len(batch['inputs']) == len(batch['data_samples']) == 2


def test_inference_pipeline_without_keypoints() -> None:
    packed = compose(CROP)(face())
    with_truth = compose(CROP)(with_keypoints())
    assert torch.equal(packed['inputs'], with_truth['inputs'])
    sample = packed['data_samples']
    assert 'keypoints' not in sample.gt_instances
    # These keys map a prediction back to the image.
    assert tuple(sample.input_size) == (80, 80)
    np.testing.assert_allclose(sample.input_center, (100, 110))
    np.testing.assert_allclose(sample.input_scale, (160, 160))
    np.testing.assert_allclose(sample.gt_instances.bboxes, [[20, 30, 180, 190]])


def test_pipeline_with_lcn() -> None:
    packed = compose(CROP, dict(type='rcn_mmpose.LCN'))(face())
    assert packed['inputs'].dtype == torch.float32
    assert packed['inputs'].shape == (1, 80, 80)
    assert packed['inputs'].mean().item() == pytest.approx(0.5, abs=0.1)
