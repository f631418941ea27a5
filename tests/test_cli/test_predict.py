from __future__ import annotations

import csv
import io
import json
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.cli import main, predict

BOX = (20, 20, 140, 140)


@pytest.fixture
def folder(tmp_path: Path, face: np.ndarray) -> Path:
    """Three images in two folders, and a file with their boxes."""
    for name in ('a/1.png', 'a/2.jpg', 'b/1.png'):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.roll(face, ord(name[0]) - 97, 1))
    rows = [f'a/1.png,{BOX}', f'a/2.jpg,{BOX}', f'b/1.png,{BOX}']
    text = 'file,x1,y1,x2,y2\n' + '\n'.join(rows)
    for character in '() ':
        text = text.replace(character, '')
    (tmp_path / 'boxes.csv').write_text(text)
    return tmp_path


def call(folder: Path, checkpoint: str, *more: object) -> int:
    words = ['--model', checkpoint, '--boxes', folder / 'boxes.csv']
    words += [folder / 'images', '--recursive', *more]
    return main(['predict', *map(str, words)])


def test_csv_contains_the_results_of_the_predictor(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = folder / 'new' / 'keypoints.csv'
    assert call(folder, checkpoint, '--out', out) == 0
    said = capsys.readouterr().out
    assert said.startswith('3 faces in 3 images, 0 failed')
    with open(out, newline='') as file:
        rows = list(csv.DictReader(file))
    paths = sorted((folder / 'images').glob('*/*'))
    result = load_model(checkpoint)(list(map(str, paths)), [[BOX]] * 3)
    table = result.to_pandas()
    assert [row['file'] for row in rows] == table['file'].tolist()
    assert [row['keypoint'] for row in rows] == table['keypoint'].tolist()
    for name in ('face', 'x', 'y', 'confidence', 'var_x', 'cov_xy', 'var_y'):
        found = [float(row[name]) for row in rows]
        np.testing.assert_allclose(found, table[name], rtol=1e-6, atol=1e-9)
    assert {row['x1'] for row in rows} == {'20.0'}
    assert {row['y2'] for row in rows} == {'140.0'}


def test_json_numbers_images_across_calls_of_the_model(
    folder: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = folder / 'whole.json', folder / 'parts.json'
    assert call(folder, checkpoint, '--out', whole) == 0
    monkeypatch.setattr(predict, 'BATCH', 1)
    assert call(folder, checkpoint, '--out', parts) == 0
    ours, theirs = (json.loads(p.read_text()) for p in (parts, whole))
    assert [i['id'] for i in ours['images']] == [1, 2, 3]
    assert [a['image_id'] for a in ours['annotations']] == [1, 2, 3]
    assert [a['id'] for a in ours['annotations']] == [1, 2, 3]
    assert ours['images'] == theirs['images']
    assert ours['categories'] == theirs['categories']
    result = load_model(checkpoint)(str(folder / 'images/a/1.png'), [BOX])
    first = ours['annotations'][0]
    covariance = result.covariance[0].reshape(-1, 4)[:, [0, 1, 3]]
    np.testing.assert_allclose(first['keypoint_covariances'], covariance, rtol=1e-4)
    assert first['bbox'] == [20, 20, 120, 120]


def test_drawn_images_keep_folders(folder: Path, checkpoint: str) -> None:
    drawn = folder / 'drawn'
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out, '--draw', drawn) == 0
    files = sorted(str(p.relative_to(drawn)) for p in drawn.glob('*/*'))
    assert files == ['a/1.png', 'a/2.jpg', 'b/1.png']
    plain = cv2.imread(str(folder / 'images/a/1.png'))
    image = cv2.imread(str(drawn / 'a/1.png'))
    assert image[80, 20].min() > 200  # the white box
    outside = np.ones((160, 160), bool)
    outside[15:145, 15:145] = False
    np.testing.assert_array_equal(image[outside], plain[outside])
    more = ('--out', out, '--draw', folder / 'e', '--ellipses')
    assert call(folder, checkpoint, *more) == 0
    with_ellipses = cv2.imread(str(folder / 'e' / 'a' / '1.png'))
    assert (with_ellipses != image).any()


def test_inputs_are_never_overwritten(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    before = {p: p.read_bytes() for p in folder.rglob('*') if p.is_file()}
    boxes = folder / 'boxes.csv'
    assert call(folder, checkpoint, '--out', boxes) == 2
    assert 'is the file of boxes' in capsys.readouterr().err
    more = ('--out', folder / 'k.json', '--draw', folder / 'images')
    assert call(folder, checkpoint, *more) == 2
    assert 'would replace' in capsys.readouterr().err
    after = {p: p.read_bytes() for p in folder.rglob('*') if p.is_file()}
    assert after == before


def test_a_drawing_never_overwrites_an_image(
    tmp_path: Path,
    face: np.ndarray,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Also in subfolders, and through a symbolic link to the folder."""
    for name in ('x.png', 'b/x.png', 'b/b/x.png', 'scan.bmp'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.roll(face, len(name), 1))
    (tmp_path / 'link').symlink_to('b')
    monkeypatch.chdir(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    words = ['predict', '--model', checkpoint]
    for images, drawn in (
        (('x.png', 'b/x.png'), 'b'),
        (('x.png', 'b/x.png'), 'link'),
        (('x.png', 'b/x.png', 'b/b/x.png'), './b'),
        (('x.png',), '.'),
    ):
        assert main([*words, *images, '--draw', drawn]) == 2
        said = capsys.readouterr()
        assert said.out == ''
        assert f'--draw {drawn!r}: the drawing of ' in said.err
        assert 'would replace the image' in said.err
    after = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    assert after == before
    # The drawing of scan.bmp is scan.bmp.png, so no file is overwritten.
    more = ('--draw', '.', '--out', 'k.json')
    assert main([*words, 'scan.bmp', *more]) == 0
    assert (tmp_path / 'scan.bmp.png').is_file()
    assert all(p.read_bytes() == content for p, content in before.items())


def test_two_drawings_in_one_file_are_an_error(
    tmp_path: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    names = [str(tmp_path / name) for name in ('1.bmp', '1.bmp.png')]
    words = ['--model', checkpoint, '--draw', str(tmp_path / 'drawn')]
    out = ['--out', str(tmp_path / 'k.json')]
    assert main(['predict', *names, *words, *out]) == 2
    error = capsys.readouterr().err
    assert f'{names[0]!r} and {names[1]!r} would both be ' in error
    assert not list(tmp_path.iterdir())


def test_results_never_overwrite_an_input(
    tmp_path: Path,
    exported: str,
    face: np.ndarray,
    capsys: pytest.CaptureFixture,
) -> None:
    image = tmp_path / 'image.json'  # the content decides the format
    image.write_bytes(cv2.imencode('.png', face)[1].tobytes())
    description = str(Path(exported).with_suffix('.json'))
    inputs = {path: Path(path).read_bytes() for path in (image, description)}
    for out, what in (
        (image, 'one of the images'),
        (description, 'the description of the model'),
    ):
        words = ['--model', exported, '--out', str(out)]
        assert main(['predict', str(image), *words]) == 2
        assert f'--out {str(out)!r} is {what}' in capsys.readouterr().err
    found = {path: Path(path).read_bytes() for path in inputs}
    assert found == inputs


def test_an_unexpected_error_affects_one_image(
    folder: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = load_model(checkpoint)

    def predictor(images: list, boxes: list) -> object:
        if any('2.jpg' in path for path in images):
            raise MemoryError('too much')
        return real(images, boxes)

    predictor.info = real.info
    monkeypatch.setattr(predict, 'load', lambda options: predictor)
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out) == 1
    content = json.loads(out.read_text())
    assert len(content['annotations']) == 2
    (failure,) = content['failures']
    assert failure['file_name'].endswith('2.jpg')
    assert failure['reason'] == 'MemoryError: too much'


@pytest.mark.parametrize(('number', 'status'), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_keeps_finished_results(
    folder: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    number: int,
    status: int,
) -> None:
    """Ctrl-C, SIGTERM of docker stop, SIGHUP of a closed terminal."""
    real = load_model(checkpoint)

    def predictor(images: list, boxes: list) -> object:
        if 'b' in Path(images[0]).parent.name:
            signal.raise_signal(number)
        return real(images, boxes)

    predictor.info = real.info
    monkeypatch.setattr(predict, 'load', lambda options: predictor)
    monkeypatch.setattr(predict, 'BATCH', 1)
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out) == status
    assert len(json.loads(out.read_text())['annotations']) == 2
    assert 'interrupted. 2 faces in 2 images' in capsys.readouterr().err


@pytest.mark.parametrize('ending', ['json', 'csv'])
def test_results_are_written_as_they_come(
    folder: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """An earlier file stays until the end; a draft has the results so far."""
    out = folder / f'k.{ending}'
    out.write_text('earlier')
    real = load_model(checkpoint)
    seen = []

    def predictor(images: list, boxes: list) -> object:
        assert out.read_text() == 'earlier'
        (draft,) = {*folder.glob(f'k.{ending}.*.tmp')} - {*folder.glob('*.images.tmp')}
        text = draft.read_text()
        lines = text.count('"area"' if ending == 'json' else '\n')
        seen.append(lines if ending == 'json' else lines // 5)
        return real(images, boxes)

    predictor.info = real.info
    monkeypatch.setattr(predict, 'load', lambda options: predictor)
    monkeypatch.setattr(predict, 'BATCH', 1)
    assert call(folder, checkpoint, '--out', out) == 0
    assert seen == [0, 1, 2]
    assert out.read_text() != 'earlier'
    assert not list(folder.glob('*.tmp'))


def test_without_boxes_the_detector_runs(
    folder: Path, checkpoint: str, face: np.ndarray
) -> None:
    out = folder / 'k.json'
    image = folder / 'images' / 'a' / '1.png'
    words = ['predict', str(image), '--model', checkpoint]
    assert main([*words, '--out', str(out)]) == 0
    (found,) = json.loads(out.read_text())['annotations']
    from rcn_mmpose.detect import YuNetDetector

    (box,) = YuNetDetector('eyes_and_mouth')(cv2.imread(str(image)))
    x, y, width, height = found['bbox']
    np.testing.assert_allclose((x, y, x + width, y + height), box)
    cv2.imwrite(str(image), cv2.copyMakeBorder(face, *[99] * 4, 0))
    assert main([*words, '--out', str(out)]) == 0
    words += ['--smallest-face', '0.7']
    assert main([*words, '--out', str(out)]) == 1


def test_a_mistyped_name_keeps_the_earlier_results(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out) == 0
    before = out.read_bytes()
    broken = folder / 'broken.png'
    broken.write_bytes(b'no image')
    for name in (folder / 'typo.png', folder / 'typo*.png', broken):
        words = ['predict', str(name), '--model', checkpoint, '--out', str(out)]
        assert main(words) == 1
        assert 'the earlier file stays as it was' in capsys.readouterr().out
        assert out.read_bytes() == before
    # Without an earlier file, the reasons are written.
    assert main([*words[:-1], str(folder / 'new.json')]) == 1
    assert len(json.loads((folder / 'new.json').read_text())['failures']) == 1
    assert not list(folder.glob('*.tmp'))


def test_nothing_is_left_out_in_silence(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    images = folder / 'images'
    (images / 'b' / 'link').symlink_to(images / 'a')  # searched as a
    (images / 'b' / 'loop').symlink_to(images)
    elsewhere = folder / 'elsewhere'
    elsewhere.mkdir()
    (images / 'b' / '1.png').rename(elsewhere / '1.PNG')
    (images / 'more').symlink_to(elsewhere)
    for name in ('notes.txt', 'x.HEIC', 'y.heic', '.hidden'):
        (images / 'a' / name).touch()
    boxes = folder / 'boxes.csv'
    boxes.write_text(boxes.read_text().replace('b/1.png', 'more/1.PNG'))
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out) == 0
    content = json.loads(out.read_text())
    names = [image['file_name'] for image in content['images']]
    assert names == [str(images / n) for n in ('a/1.png', 'a/2.jpg', 'more/1.PNG')]
    assert len(content['annotations']) == 3
    first, *notes = capsys.readouterr().out.splitlines()
    assert first.startswith('3 faces in 3 images, 0 failed')
    assert notes == [
        '  4 files in the folders ignored: no ending of an image (.heic 2, hidden 1, '
        '.txt 1)',
        '  2 links to a folder that is searched already',
    ]
    words = ['predict', str(images / 'a'), str(images / 'b'), '--model', checkpoint]
    main([*words, '--out', str(out)])
    said = capsys.readouterr().out
    assert '  2 subfolders not searched; --recursive searches subfolders' in said


def test_other_spellings_of_a_name(
    folder: Path, checkpoint: str, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks, percent, brackets, upper case, Unicode, other systems, no UTF-8."""
    names = ('100 %s [1].PNG', 'cafe\u0301.jpg', 'n\udcff.TIF', 'in/a.WebP')
    images = folder / 'names'
    for name in names:
        path = images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ending = path.suffix.lower()
        path.write_bytes(cv2.imencode(ending, face)[1].tobytes())
    monkeypatch.chdir(images)
    out = folder / 'k.json'
    for given in (
        ['.', '--recursive'],
        ['100 %s [1].PNG', 'caf\u00e9.jpg', 'n\udcff.tif', 'in\\a.webp'],
        ['100*[[]*', str(images / 'caf\u00e9.JPG'), 'n?.*', '**/*.WebP'],
    ):
        words = ['predict', *given, '--model', checkpoint, '--out', str(out)]
        assert main(words) == 0
        found = json.loads(out.read_text())['images']
        paths = {Path(image['file_name']).resolve() for image in found}
        assert paths == {(images / name).resolve() for name in names}


@pytest.mark.parametrize('encoding', ['ascii', 'latin-1', 'utf-8'])
def test_names_that_stdout_cannot_encode(
    tmp_path: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(content, encoding))
    words = ['--model', checkpoint, '--out', str(tmp_path / '顔.json')]
    assert main(['predict', str(tmp_path / '顔\udcff.png'), *words]) == 1
    sys.stdout.flush()
    said = content.getvalue().decode(encoding)
    name = '顔' if encoding == 'utf-8' else r'\u9854'
    assert f'{name}.json' in said and rf'{name}\udcff.png' in said


@pytest.mark.parametrize('words', [(), ('--format', 'json'), ('--format', 'csv')])
def test_stdout_takes_the_results(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture, words: tuple
) -> None:
    file = folder / ('k.csv' if 'csv' in words else 'k.json')
    assert call(folder, checkpoint, '--out', file) == 0
    capsys.readouterr()
    assert call(folder, checkpoint, '--out', '-', *words) == 0
    said = capsys.readouterr()
    assert said.out == file.read_text()
    assert '3 faces in 3 images, 0 failed' in said.err
    assert not list(folder.glob('-*'))


def test_faces_of_low_confidence_are_left_out(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    out, drawn = folder / 'k.json', folder / 'drawn'
    assert call(folder, checkpoint, '--out', out) == 0
    scores = [face['score'] for face in json.loads(out.read_text())['annotations']]
    assert len(set(scores)) > 1
    limit = sorted(scores)[1]
    kept = sum(score >= limit for score in scores)
    capsys.readouterr()
    words = ('--out', out, '--min-confidence', repr(limit), '--draw', drawn)
    assert call(folder, checkpoint, *words) == 0
    content = json.loads(out.read_text())
    assert [face['score'] for face in content['annotations']] == [
        score for score in scores if score >= limit
    ]
    assert len(content['images']) == 3 and not content['failures']
    assert len(list(drawn.glob('*/*'))) == kept
    said = capsys.readouterr().out
    assert said.startswith(f'{kept} faces in 3 images, 0 failed')
    left = f'{3 - kept} face{"s" if kept < 2 else ""} left out: mean confidence below'
    assert left in said
    # All faces left out is not the same as no face found.
    words = ('predict', folder / 'images/a/1.png', '--model', checkpoint, '--out', out)
    assert main([*map(str, words), '--min-confidence', '1']) == 0
    assert json.loads(out.read_text())['annotations'] == []


def test_a_failed_face_is_not_one_of_low_confidence(
    folder: Path, checkpoint: str
) -> None:
    boxes = folder / 'boxes.csv'
    boxes.write_text(f'{boxes.read_text()}\na/1.png,900,900,950,950\n')
    out = folder / 'k.json'
    assert call(folder, checkpoint, '--out', out, '--min-confidence', '1') == 1
    ((failure),) = json.loads(out.read_text())['failures']
    assert failure['face'] == 1 and 'lies outside' in failure['reason']


def test_verbose_names_each_image(
    folder: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    words = ('--out', folder / 'k.json', '--verbose')
    (folder / 'images' / 'typo.png').symlink_to('none')
    assert call(folder, checkpoint, *words) == 1
    lines = capsys.readouterr().err.splitlines()
    images = folder / 'images'
    for name in ('a/1.png', 'a/2.jpg', 'b/1.png'):
        assert f'{images / name}: 1 face' in lines
    assert any(line.startswith(f'{images / "typo.png"}: ') for line in lines)
    with pytest.raises(SystemExit):
        call(folder, checkpoint, '--quiet', '--verbose')


def test_drawings_without_boxes_and_with_larger_dots(
    folder: Path, checkpoint: str
) -> None:
    def drawn(*more: object) -> np.ndarray:
        words = ('--out', folder / 'k.json', '--draw', folder / 'd', *more)
        assert call(folder, checkpoint, *words) == 0
        return cv2.imread(str(folder / 'd/a/1.png')).astype(int)

    plain = cv2.imread(str(folder / 'images/a/1.png')).astype(int)
    usual = drawn()
    assert usual[80, 20].min() > 200 > drawn('--no-box')[80, 20].min()
    small, large = drawn('--radius', 1), drawn('--radius', 12)
    changed = [(np.abs(image - plain).max(-1) > 9).sum() for image in (small, large)]
    assert changed[0] < (np.abs(usual - plain).max(-1) > 9).sum() < changed[1]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--radius', '2'], '--radius needs --draw'),
        (['--no-box'], '--no-box needs --draw'),
        (['--draw', 'd', '--radius', '0'], '--radius 0: '),
        (['--format', 'csv'], '--format csv is for --out -'),
        (['--min-confidence', '80'], '--min-confidence 80: give a number from 0 to 1'),
        (['--min-confidence', 'nan'], '--min-confidence nan'),
        (['--batch-size', '0'], '--batch-size 0'),
    ],
)
def test_wrong_options(
    folder: Path,
    checkpoint: str,
    capsys: pytest.CaptureFixture,
    words: list[str],
    message: str,
) -> None:
    assert call(folder, checkpoint, '--out', folder / 'k.json', *words) == 2
    assert message in capsys.readouterr().err
    assert not (folder / 'k.json').exists()


def test_batches_and_the_device(
    folder: Path, checkpoint: str, exported: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from rcn_mmpose.inference import loading

    asked = []
    real = loading.load_model

    def load_model(*arguments: object, **options: object) -> object:
        asked.append((options['batch_size'], options['device']))
        options['device'] = 'cpu'
        return real(*arguments, **options)

    monkeypatch.setattr(loading, 'load_model', load_model)
    out = ('--out', folder / 'k.json')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert call(folder, checkpoint, *out, '--batch-size', 2, '--device', 'auto') == 0
    assert call(folder, exported, *out, '--device', 'auto') == 0
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert call(folder, checkpoint, *out, '--device', 'auto') == 0
    assert asked == [(2, 'cuda'), (None, 'cpu'), (None, 'cpu')]


@pytest.mark.parametrize('name', ['k.csv', 'k.json'])
def test_its_own_output_as_boxes(folder: Path, checkpoint: str, name: str) -> None:
    """One face stays one face, in the same box."""
    boxes = folder / 'boxes.csv'
    boxes.write_text(f'{boxes.read_text()}\na/1.png,10.1,20.2,130.3,140.7\n')
    first, again = folder / name, folder / f'again_{name}'
    assert call(folder, checkpoint, '--out', first) == 0
    boxes.write_text('')
    words = ['--model', checkpoint, '--boxes', str(first), '--out', str(again)]
    assert main(['predict', str(folder / 'images'), '--recursive', *words]) == 0
    if name == 'k.csv':
        assert again.read_bytes() == first.read_bytes()
        return
    faces = [json.loads(p.read_text())['annotations'] for p in (first, again)]
    assert [len(found) for found in faces] == [4, 4]
    for one, other in zip(*faces, strict=True):
        np.testing.assert_allclose(one['bbox'], other['bbox'], rtol=1e-12)
        np.testing.assert_allclose(one['keypoints'], other['keypoints'], atol=1e-3)
