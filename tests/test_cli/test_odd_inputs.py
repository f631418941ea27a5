"""Twenty unusual inputs: each is predicted or reported as a failure."""

from __future__ import annotations

import csv
import json
import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main

Fresh = Callable[..., subprocess.CompletedProcess]
MAIN = 'import sys; from rcn_mmpose.cli import main; sys.exit(main())'


def encode(image: np.ndarray, ending: str = '.png') -> bytes:
    return cv2.imencode(ending, image)[1].tobytes()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    check = zlib.crc32(kind + content)
    size, check = struct.pack('>I', len(content)), struct.pack('>I', check)
    return size + kind + content + check


def png_that_claims(width: int, height: int) -> bytes:
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', head)
        + chunk(b'IDAT', zlib.compress(bytes(1000)))
        + chunk(b'IEND', b'')
    )


def jpeg_that_claims(content: bytes, width: int, height: int) -> bytes:
    place = content.index(b'\xff\xc0') + 5
    sides = struct.pack('>HH', height, width)
    return content[:place] + sides + content[place + 4 :]


def write_boxes(path: Path, rows: list[tuple]) -> str:
    with open(path, 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(('file', 'x1', 'y1', 'x2', 'y2'))
        writer.writerows(rows)
    return str(path)


class Run:
    """A call of ``predict`` and its results."""

    def __init__(
        self,
        out: Path,
        model: str,
        *arguments: object,
        capsys: pytest.CaptureFixture,
    ) -> None:
        capsys.readouterr()
        words = ['--model', model, '--out', str(out), *map(str, arguments)]
        self.status = main(['predict', *words])
        self.said = capsys.readouterr().out
        content = json.loads(out.read_text())
        names = {i['id']: Path(i['file_name']) for i in content['images']}
        self.faces: dict[str, list[dict]] = {}
        for found in content['annotations']:
            name = names[found['image_id']].name
            self.faces.setdefault(name, []).append(found)
        self.failed: dict[str, str] = {}
        for failure in content['failures']:
            name = Path(failure['file_name']).name
            self.failed[name] = failure['reason']


@pytest.fixture
def odd(tmp_path: Path, face: np.ndarray) -> Path:
    """A folder with invalid and unusual images."""
    folder = tmp_path / 'odd'
    jpeg = encode(face, '.jpg')
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    put(folder / 'empty.jpg', b'')
    put(folder / 'text.jpg', b'this is no image\n')
    put(folder / 'one_pixel.png', encode(face[:1, :1]))
    put(folder / 'long.png', encode(np.zeros((10, 20000, 3), np.uint8)))
    put(folder / 'grey.png', encode(grey))
    put(folder / 'rgba.png', encode(cv2.cvtColor(face, cv2.COLOR_BGR2BGRA)))
    put(folder / 'sixteen_bit.png', encode(grey.astype(np.uint16) * 257))
    put(folder / 'no_face.png', encode(np.full_like(face, 128)))
    put(folder / 'cut.jpg', jpeg[: len(jpeg) // 2])
    put(folder / 'cut.png', encode(face)[:5000])
    put(folder / 'huge.png', png_that_claims(100_000, 100_000))
    put(folder / 'größe 顔.png', encode(face))
    put(folder / 'plain.png', encode(face))
    return folder


NO_IMAGE = ('empty.jpg', 'text.jpg', 'cut.jpg', 'cut.png')
FACELESS = ('one_pixel.png', 'long.png', 'no_face.png')
FOUND = ('grey.png', 'rgba.png', 'sixteen_bit.png', 'größe 顔.png')


def test_images(odd: Path, checkpoint: str, capsys: pytest.CaptureFixture) -> None:
    out = odd.parent / 'found.json'
    # The cascade works on grey; YuNet's box of a grey image is another one.
    run = Run(out, checkpoint, odd, '--detector', 'haar', capsys=capsys)
    assert run.status == 1
    assert set(run.failed) == {*NO_IMAGE, *FACELESS, 'huge.png'}
    assert '100000x100000' in run.failed['huge.png']
    for name in NO_IMAGE:
        assert 'is corrupt or cut short' in run.failed[name]
    for name in FACELESS:
        assert 'no face was found' in run.failed[name]
    assert set(run.faces) == {*FOUND, 'plain.png'}
    (plain,) = run.faces['plain.png']
    assert len(plain['keypoints']) == 3 * 5
    for name in FOUND:  # the same face in another format
        (other,) = run.faces[name]
        np.testing.assert_allclose(other['keypoints'], plain['keypoints'], atol=0.5)
    first, *rest = run.said.splitlines()
    assert first.startswith('5 faces in 13 images, 8 failed')
    # One reason with 4 file names and one with 3.
    assert rest[0].startswith('  4 x image')
    assert rest[2].startswith('  3 x no face was found')
    for name in FACELESS:
        assert name in rest[3]


def test_images_that_pil_writes(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
) -> None:
    image = pytest.importorskip('PIL.Image')
    folder = tmp_path / 'images'
    put(folder / 'plain.png', encode(face))
    rgb = image.fromarray(face[..., ::-1])
    rgb.convert('CMYK').save(folder / 'cmyk.jpg', quality=100)
    turned = image.fromarray(np.rot90(face)[..., ::-1].copy())
    exif = turned.getexif()
    exif[0x0112] = 6  # orientation: rotate clockwise
    turned.save(folder / 'exif.jpg', exif=exif, quality=100)
    frames = [rgb, image.fromarray(np.zeros_like(face))]
    rgb.save(folder / 'moving.gif', save_all=True, append_images=frames)
    run = Run(tmp_path / 'out.json', checkpoint, folder, capsys=capsys)
    assert run.status == 0 and not run.failed
    assert set(run.faces) == {
        'plain.png',
        'cmyk.jpg',
        'exif.jpg',
        'moving.gif',
    }
    (plain,) = run.faces['plain.png']
    for name, (other,) in run.faces.items():  # of the GIF, the first frame
        np.testing.assert_allclose(other['bbox'], plain['bbox'], atol=3, err_msg=name)


def test_boxes(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = tmp_path / 'images'
    rows = []
    boxes = dict(
        good=(20, 20, 140, 140),
        outside=(500, 500, 600, 600),
        negative=(-60, -60, 50, 50),
        not_a_number=('nan', 20, 140, 140),
        reversed=(140, 140, 20, 20),
        without_box=None,
    )
    for name, box in boxes.items():
        put(folder / f'{name}.png', encode(face))
        if box:
            rows.append((f'{name}.png', *box))
    put(folder / 'crowd.png', encode(np.tile(face, (5, 10, 1))))
    for i in range(50):
        x, y = 160 * (i % 10), 160 * (i // 10)
        rows.append(('crowd.png', x + 20, y + 20, x + 140, y + 140))
    csv_file = write_boxes(tmp_path / 'boxes.csv', rows)
    out = tmp_path / 'found.json'
    run = Run(out, checkpoint, folder, '--boxes', csv_file, capsys=capsys)
    assert run.status == 1
    assert 'lies outside' in run.failed['outside.png']
    assert 'not finite' in run.failed['not_a_number.png']
    assert 'empty' in run.failed['reversed.png']
    assert 'does not name this image' in run.failed['without_box.png']
    assert len(run.failed) == 4
    assert set(run.faces) == {'good.png', 'negative.png', 'crowd.png'}
    # Equal faces at a distance of 160 pixels have equal keypoints.
    (good,) = run.faces['good.png']
    assert len(run.faces['crowd.png']) == 50
    for i, found in enumerate(run.faces['crowd.png']):
        moved = np.reshape(good['keypoints'], (-1, 3)).copy()
        moved[:, :2] += 160 * (i % 10), 160 * (i // 10)
        np.testing.assert_allclose(
            np.reshape(found['keypoints'], (-1, 3)), moved, atol=1e-2
        )


def test_boxes_of_the_image_before_its_rotation(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
) -> None:
    """A json with boxes of the pixels without the rotation of the EXIF tag."""
    image = pytest.importorskip('PIL.Image')
    folder = tmp_path / 'images'
    put(folder / 'good.png', encode(face))
    wide = image.fromarray(face[:100, :, ::-1].copy())
    exif = wide.getexif()
    exif[0x0112] = 6
    wide.save(folder / 'exif.jpg', exif=exif)
    height, width = face.shape[:2]
    sizes = {'good.png': (width, height), 'exif.jpg': (width, 100)}
    content = dict(
        images=[
            dict(id=i, file_name=name, width=size[0], height=size[1])
            for i, (name, size) in enumerate(sizes.items())
        ],
        annotations=[dict(image_id=i, bbox=[20, 20, 70, 70]) for i in range(2)],
    )
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps(content))
    run = Run(
        tmp_path / 'out.json', checkpoint, folder, '--boxes', boxes, capsys=capsys
    )
    assert run.status == 1
    assert set(run.faces) == {'good.png'} and set(run.failed) == {'exif.jpg'}
    assert f'has 100x{width} pixels' in run.failed['exif.jpg']
    assert 'without the rotation of the EXIF tag' in run.failed['exif.jpg']


def test_a_folder_of_1000_images(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = tmp_path / 'many'
    content = encode(cv2.resize(face, (40, 40)), '.jpg')
    names = [f'{i:04}.jpg' for i in range(1000)]
    for name in names:
        put(folder / name, b'' if name == '0500.jpg' else content)
    boxes = write_boxes(
        tmp_path / 'boxes.csv', [(name, 4, 4, 36, 36) for name in names]
    )
    out = tmp_path / 'found.json'
    run = Run(out, checkpoint, folder, '--boxes', boxes, capsys=capsys)
    assert run.status == 1
    assert list(run.failed) == ['0500.jpg']
    assert sorted(run.faces) == names[:500] + names[501:]


def test_an_unreadable_file(
    odd: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    (odd / 'plain.png').chmod(0)
    if os.access(odd / 'plain.png', os.R_OK):
        pytest.skip('This user can read all files.')
    out = odd.parent / 'found.json'
    run = Run(out, checkpoint, odd, capsys=capsys)
    assert run.status == 1
    assert 'cannot be read' in run.failed['plain.png']
    assert set(run.faces) == set(FOUND)


def test_missing_files(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
) -> None:
    good = put(tmp_path / 'good.png', encode(face))
    (tmp_path / 'nothing').mkdir()
    named = (tmp_path / 'none.png', tmp_path / 'nothing', tmp_path / '*.tif')
    out = tmp_path / 'found.json'
    run = Run(out, checkpoint, *named, good, capsys=capsys)
    assert run.status == 1
    assert set(run.faces) == {'good.png'}
    assert 'does not exist' in run.failed['none.png']
    assert 'holds no image' in run.failed['nothing']
    assert 'matches no file' in run.failed['*.tif']


def test_an_image_that_is_too_large_for_memory(
    tmp_path: Path, face: np.ndarray, exported: str, fresh: Fresh
) -> None:
    """Needs another process: OpenCV reads its limit when it is imported."""
    jpeg = encode(face, '.jpg')
    good = put(tmp_path / 'good.jpg', jpeg)
    huge = put(tmp_path / 'huge.jpg', jpeg_that_claims(jpeg, 30000, 30000))
    script = (
        'import re, sys\n'
        'from rcn_mmpose.cli import main\n'
        'status = main(sys.argv[1:])\n'
        "print('torch' in sys.modules, 'mmengine' in sys.modules)\n"
        # getrusage would include the memory of the parent process before exec.
        'status_file = open("/proc/self/status").read()\n'
        'print(re.search(r"VmHWM:\\s+(\\d+)", status_file)[1])\n'
        'sys.exit(status)\n'
    )
    done = fresh(
        *('-c', script, 'predict', '--model', exported, huge, good),
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    first, *_, modules, kilobytes = done.stdout.splitlines()
    assert first.startswith('1 face in 2 images, 1 failed')
    assert str(huge) in done.stdout
    # 30,000 x 30,000 pixels of three colours would take 2.7 million kB.
    assert int(kilobytes) < 1_000_000
    # An exported model imports neither torch nor MMEngine.
    assert modules == 'False False'


def test_pipes_and_devices(
    tmp_path: Path, face: np.ndarray, exported: str, fresh: Fresh
) -> None:
    """A pipe without a writer, read in another process with a time limit."""
    good = put(tmp_path / 'good.png', encode(face))
    pipe = tmp_path / 'pipe.png'
    os.mkfifo(pipe)
    words = ('predict', '--model', exported, pipe, '/dev/zero', good)
    done = fresh(
        *('-c', 'import signal; signal.alarm(60); ' + MAIN, *words),
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith('1 face in 3 images, 2 failed')
    assert 'a pipe or a device' in rest[0]
    assert str(pipe) in rest[1] and '/dev/zero' in rest[1]
