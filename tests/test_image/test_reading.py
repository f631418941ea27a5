from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from rcn_mmpose.datasets.transforms import LoadGreyImage
from rcn_mmpose.image.headers import is_whole
from rcn_mmpose.image.reading import (
    as_boxes,
    check_size,
    is_image,
    read_image,
)

COLOUR = np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype('uint8')


def test_arrays_are_returned_unchanged() -> None:
    for array in (COLOUR, COLOUR[..., 0], COLOUR[..., :1]):
        assert read_image(array) is array


def test_paths_are_read_as_in_the_pipelines(tmp_path: Path) -> None:
    path = tmp_path / 'größe 顔.png'
    path.write_bytes(cv2.imencode('.png', COLOUR)[1].tobytes())
    for name in (path, str(path)):
        np.testing.assert_array_equal(read_image(name), COLOUR)
    grey = LoadGreyImage()(dict(img_path=str(path)))['img']
    np.testing.assert_array_equal(
        cv2.cvtColor(read_image(path), cv2.COLOR_BGR2GRAY), grey
    )


def test_pil_is_rgb_and_rotated_by_its_exif_tag() -> None:
    rgb = Image.fromarray(COLOUR[..., ::-1])
    np.testing.assert_array_equal(read_image(rgb), COLOUR)
    grey = Image.fromarray(COLOUR[..., 0])
    np.testing.assert_array_equal(read_image(grey), COLOUR[..., 0])
    with_alpha = rgb.convert('RGBA')
    np.testing.assert_array_equal(read_image(with_alpha), COLOUR)
    rgb.getexif()[0x0112] = 6  # rotate clockwise
    np.testing.assert_array_equal(read_image(rgb), np.rot90(COLOUR, -1))


def test_file_and_pil_agree_on_the_exif_rotation(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR)
    exif = image.getexif()
    exif[0x0112] = 3
    path = tmp_path / 'a.jpg'
    image.save(path, exif=exif, quality=100)
    by_pil = read_image(Image.open(path)).astype(int)
    # two decoders differ a little
    assert np.abs(by_pil - read_image(path)).mean() < 3


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (COLOUR / 255, r'\(255 \* x\).astype'),
        (COLOUR.astype(np.int64), 'int64'),
        (np.zeros((4, 5, 4), np.uint8), 'fourth channel'),
        (np.zeros((4, 5, 2), np.uint8), 'shape'),
        (np.zeros((0, 5, 3), np.uint8), 'shape'),
        (np.zeros(5, np.uint8), 'shape'),
    ],
)
def test_invalid_arrays(image: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_image(image)


def test_invalid_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='does not exist'):
        read_image(tmp_path / 'none.png')
    with pytest.raises(ValueError, match='cannot be read'):
        read_image(tmp_path)
    for content in (b'', b'text', b'\x89PNG\r\n\x1a\n'):
        path = tmp_path / 'bad.jpg'
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f'{len(content)} bytes'):
            read_image(path)
    with pytest.raises(TypeError, match='type int'):
        read_image(3)


@pytest.mark.parametrize('size', [(0, 2**20 + 1), (2**20 + 1, 1)])
def test_a_side_that_is_too_long(size: tuple) -> None:
    """OpenCV allocates the rows of a PNG before it checks them."""
    head = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR'
    content = head + b''.join(side.to_bytes(4, 'big') for side in size)
    message = f"'x.png' claims {size[0]}x{size[1]} pixels.*1048576 a side"
    with pytest.raises(ValueError, match=message):
        check_size(content, 'x.png')


@pytest.mark.parametrize('between', [b'', b'\0\0', b'\xff\0', b'\xff\xff'])
def test_the_frame_of_a_jpeg_is_found(between: bytes) -> None:
    """libjpeg skips bytes between two segments, so a file may have some."""
    good = cv2.imencode('.jpg', np.zeros((40, 60), np.uint8))[1].tobytes()
    content = good[:20] + between + good[20:]  # after the first segment
    assert cv2.imdecode(np.frombuffer(content, np.uint8), 0).shape == (40, 60)
    header = check_size(content, 'x.jpg')
    assert header is not None and header[:2] == (60, 40)


def test_a_png_with_a_chunk_longer_than_the_file() -> None:
    good = cv2.imencode('.png', np.arange(600, dtype=np.uint8))[1].tobytes()
    assert is_whole(good)
    assert is_whole(good + b'more')  # bytes after the end are allowed
    place = good.index(b'IDAT')
    wrong = good[: place - 4] + b'\xff\xff\0\0' + good[place:]
    for content in (wrong, good[:-1], good[: place + 3]):
        assert not is_whole(content)


def test_one_image_or_several() -> None:
    for one in ('a.png', Path('a'), COLOUR, Image.fromarray(COLOUR)):
        assert is_image(one)
    for several in ([], ['a.png'], (COLOUR,), np.stack((COLOUR,) * 2)):
        assert not is_image(several)


def test_boxes() -> None:
    assert as_boxes([1, 2, 3, 4]).tolist() == [[1, 2, 3, 4]]
    assert as_boxes(np.int32([[1, 2, 3, 4]] * 3)).shape == (3, 4)
    for nothing in ([], np.zeros((0, 4)), ()):
        assert as_boxes(nothing).shape == (0, 4)
    for wrong in ([1, 2, 3], [[1, 2, 3, 4, 5]], 'abcd', [[1, 2], [3]]):
        with pytest.raises(ValueError, match=r'\(N, 4\) numbers'):
            as_boxes(wrong)


def test_pil_of_16_bits(tmp_path: Path) -> None:
    deep = COLOUR[..., 0].astype(np.uint16) * 256 + 200
    path = tmp_path / 'deep.png'
    cv2.imwrite(str(path), deep)
    for image in (Image.fromarray(deep), Image.open(path)):
        np.testing.assert_array_equal(read_image(image), COLOUR[..., 0])
    # a file is read in the same way
    np.testing.assert_array_equal(read_image(path)[..., 1], COLOUR[..., 0])


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_pil_with_an_unknown_white(dtype: type) -> None:
    image = Image.fromarray(COLOUR[..., 0].astype(dtype))
    with pytest.raises(ValueError, match="of mode '[IF]', whose white"):
        read_image(image)


# ------------------------------------------------- deep images and other forms

# Each grey value and its neighbours, so that every bit counts.
GREY = COLOUR[..., 0].copy()
GREY[0, 0] = 255  # the full range


@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
@pytest.mark.parametrize('ending', ['.png', '.tiff', '.pgm'])
def test_files_of_any_depth(ending: str, bits: int, tmp_path: Path) -> None:
    """12-bit data in a file of 16 bits was almost black."""
    deep = GREY.astype(np.uint16) << (bits - 8)
    path = tmp_path / f'deep{ending}'
    cv2.imwrite(str(path), deep)
    found = read_image(path)
    assert found.dtype == np.uint8 and found.shape == (12, 9, 3)
    rounding = 1 if (ending, bits) == ('.tiff', 16) else 0  # OpenCV's, for 16 bits
    assert np.abs(found[..., 1].astype(int) - GREY).max() <= rounding
    np.testing.assert_array_equal(read_image(deep), GREY)
    np.testing.assert_array_equal(read_image(Image.fromarray(deep)), GREY)


def test_deep_colour(tmp_path: Path) -> None:
    deep = COLOUR.astype(np.uint16) * 16 + 5
    deep[0, 0] = 4095
    path = tmp_path / 'deep.png'
    cv2.imwrite(str(path), deep)
    np.testing.assert_array_equal(read_image(path), deep // 16)
    np.testing.assert_array_equal(read_image(deep.astype('>u2')), deep // 16)


def test_dark_files_of_8_bits_stay_dark(tmp_path: Path) -> None:
    for ending in ('.png', '.tiff', '.ppm', '.jpg', '.bmp'):
        path = tmp_path / f'dark{ending}'
        cv2.imwrite(str(path), COLOUR // 8)
        expected = cv2.imread(str(path))
        np.testing.assert_array_equal(read_image(path), expected)


@pytest.mark.parametrize('dtype', ['float32', 'int32'])
def test_files_with_an_unknown_white(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / 'a.tiff'
    Image.fromarray((GREY / 255).astype(dtype)).save(path)
    with pytest.raises(ValueError, match=f'{dtype}, whose white is not known; save'):
        read_image(path)


def test_tensors_of_torchvision() -> None:
    torch = pytest.importorskip('torch')
    rgb = torch.from_numpy(COLOUR[..., ::-1].copy()).permute(2, 0, 1)
    forms = {
        'uint8': rgb,
        'float': rgb / 255,
        'gradient': (rgb / 255).requires_grad_(),
        'double': rgb.double() / 255,
    }
    for name, tensor in forms.items():
        assert is_image(tensor)
        np.testing.assert_array_equal(read_image(tensor), COLOUR, err_msg=name)
    for grey in (rgb[:1], rgb[0], rgb[:1] / 255):
        np.testing.assert_array_equal(np.squeeze(read_image(grey)), COLOUR[..., 2])
    assert not is_image(rgb[None])
    for wrong, message in (
        (rgb.permute(1, 2, 0), r'shape \(12, 9, 3\).*x.permute\(2, 0, 1\) .* x.numpy'),
        (rgb[None], r'shape \(1, 3, 12, 9\)'),
        (rgb.float(), 'float32 with values from .* to 255; give values from 0 to 1'),
        ((rgb / 255 - 0.5) / 0.2, 'without normalisation'),
        (rgb * float('nan'), 'from nan to nan'),
        (rgb.int(), 'type int32'),
    ):
        with pytest.raises(ValueError, match=message):
            read_image(wrong)
    boxes = torch.tensor([[1.0, 2, 3, 4]]).requires_grad_()
    for form in (boxes, boxes[0], boxes.detach().bfloat16()):
        assert as_boxes(form).tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ('array', 'cure'),
    [
        (COLOUR / 255, '(255 * x).astype(numpy.uint8)'),
        (COLOUR.astype(float), ' x.astype(numpy.uint8)'),
        (COLOUR.astype(np.int64), ' x.astype(numpy.uint8)'),
        (COLOUR.astype(np.int32) * 16, ' x.astype(numpy.uint16)'),
        (COLOUR > 99, '255 * x.astype(numpy.uint8)'),
        (COLOUR - 300.0, 'from -300 to -45, to 0 to 255'),
        (np.dstack((COLOUR, GREY)), 'x[..., :3]'),
        (np.dstack((GREY, GREY)), 'x[..., 0]'),
        (COLOUR.transpose(2, 0, 1), 'x.transpose(1, 2, 0)'),
        (COLOUR.transpose(2, 0, 1) / 255, 'x.transpose(1, 2, 0). Convert its'),
    ],
)
def test_the_cure_makes_an_image(array: np.ndarray, cure: str) -> None:
    with pytest.raises(ValueError, match='give uint8') as caught:
        read_image(array)
    assert cure in str(caught.value)
    steps = [part.split('. ')[0].rstrip('.') for part in str(caught.value).split(': ')]
    x = array
    for step in steps[1:]:
        x = eval(step, dict(x=x, numpy=np))
    if 'Scale' not in str(caught.value):
        assert read_image(x).dtype == np.uint8


@pytest.mark.parametrize('mode', ['1', 'P', 'LA', 'PA', 'RGBA', 'CMYK', 'YCbCr', 'HSV'])
def test_pil_modes(mode: str) -> None:
    plain = Image.fromarray(np.full((6, 5, 3), 255, np.uint8))
    image = read_image(plain.convert('RGBA' if mode == 'PA' else 'RGB').convert(mode))
    assert image.shape == (6, 5, 3) and image.min() >= 254


def test_several_images_in_an_array_of_names() -> None:
    assert not is_image(np.array(['a.png', 'b.png']))
    assert not is_image(np.array([Path('a'), Path('b')], object))
    assert is_image(np.zeros(5))  # refused as an image, not taken for five


def test_files_in_memory_are_refused_with_a_cure() -> None:
    for value in (io.BytesIO(b'x'), b'x'):
        assert is_image(value)
        with pytest.raises(TypeError, match='PIL.Image.open'):
            read_image(value)


def test_boxes_of_no_known_form() -> None:
    for wrong in (object(), iter([[1, 2, 3, 4]]), 5):
        with pytest.raises(ValueError, match=r'\(N, 4\) numbers'):
            as_boxes(wrong)
