"""Load a shipped model by name: in Python, in MMPose and in the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

import rcn_mmpose
from rcn_mmpose import load_model, model_files
from rcn_mmpose.cli import main
from rcn_mmpose.shipped import catalogue as shipped
from rcn_mmpose.shipped.catalogue import shipped_file, shipped_models

BOXES = [[10, 10, 70, 70], [20, 15, 80, 75]]


@pytest.fixture(scope='module')
def image(small: ModuleType) -> np.ndarray:
    """A grey image, (90, 90)."""
    return small.random_crops(1, side=90)[0]


@pytest.fixture
def changed(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that a test may change."""
    folder = tmp_path / 'rcn_mmpose' / 'shipped' / 'models'
    shutil.copytree(here, folder)
    monkeypatch.setattr(shipped, 'FOLDER', folder)
    return folder


# -------------------------------------------------------------- in Python


def test_both_runtimes_predict_like_the_trained_checkpoint(
    here: Path, project: Path, image: np.ndarray
) -> None:
    trained = load_model(project / 'best.pth')(image, BOXES)
    for runtime in ('torch', 'onnx'):
        model = load_model('tiny-5', runtime=runtime)
        assert type(model).__name__.lower().startswith(runtime)
        assert model.info.name == 'tiny-5'
        found = model(image, BOXES)
        assert found.names == trained.names
        pixel = 60 / 40  # one pixel of the crop, in pixels of the image
        np.testing.assert_allclose(found.keypoints, trained.keypoints, atol=0.1 * pixel)
        if runtime == 'torch':
            ours = found
    # Both runtimes use the same rounded weights, so the tolerances are smaller.
    np.testing.assert_allclose(found.keypoints, ours.keypoints, atol=0.01 * pixel)
    np.testing.assert_allclose(found.confidence, ours.confidence, atol=1e-4)


def test_choice_of_the_runtime(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_file('tiny-5') == str(here / 'tiny-5.onnx')
    monkeypatch.setattr(
        'rcn_mmpose.inference.torch_predictor.cpu_has_bfloat16', lambda: True
    )
    model = load_model('tiny-5', precision='bf16')
    assert model.network.dtype == torch.bfloat16
    there = ['mmpose']
    monkeypatch.setattr(
        shipped.importlib.util,
        'find_spec',
        lambda name: name if name in there else None,
    )
    assert shipped_file('tiny-5') == str(here / 'tiny-5.pth')
    there.clear()
    with pytest.raises(ImportError, match='pip install onnxruntime'):
        load_model('tiny-5')


@pytest.mark.parametrize(
    ('arguments', 'options', 'error', 'message'),
    [
        (
            ('tiny-5',),
            dict(runtime='tf'),
            ValueError,
            "give 'torch' or 'onnx'",
        ),
        (('best.pth',), dict(runtime='onnx'), ValueError, 'does not run'),
        (
            ('tiny-5',),
            dict(runtime='onnx', device='cuda'),
            ValueError,
            'runs on the CPU',
        ),
        (('tiny-5', 'a.pth'), {}, ValueError, 'Leave out checkpoint'),
        (('tiny-6',), {}, FileNotFoundError, r"'tiny-6' .*shipped model \(tiny-5\);"),
    ],
)
def test_invalid_arguments(
    here: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple,
    options: dict,
    error: type,
    message: str,
) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(error, match=message):
        load_model(*arguments, **options)


@pytest.mark.parametrize('name', ['tiny-5.pth', 'tiny-5.onnx', 'tiny-5.json'])
def test_a_changed_file_is_an_error(changed: Path, name: str) -> None:
    content = (changed / name).read_bytes()
    (changed / name).write_bytes(content[:-1] + b'!')
    with pytest.raises(ValueError, match=f'{name}.*but the index records'):
        load_model('tiny-5', runtime='onnx')
    if name == 'tiny-5.pth':
        with pytest.raises(ValueError, match=f'{name}.*but the index records'):
            load_model('tiny-5', runtime='torch')
    (changed / name).unlink()
    with pytest.raises(FileNotFoundError, match='the package is incomplete'):
        load_model('tiny-5', runtime='onnx')


def test_an_invalid_index_is_an_error(changed: Path) -> None:
    index = changed / shipped.INDEX
    content = json.loads(index.read_text())
    index.write_text(json.dumps(dict(content, format=2)))
    with pytest.raises(ValueError, match='has the format 2'):
        shipped_models()
    index.unlink()
    with pytest.raises(FileNotFoundError, match='is incomplete'):
        shipped_models()


def test_the_models_of_the_package() -> None:
    for name, model in shipped_models().items():
        assert Path(shipped_file(name, 'torch')).is_file()
        assert Path(shipped_file(name, 'onnx')).is_file()
        config, checkpoint = model_files(name)
        assert (Path(config).suffix, Path(checkpoint).suffix) == (
            '.py',
            '.pth',
        )
        assert set(model.files) == {
            path.name for path in shipped.FOLDER.glob(f'{name}.*')
        }


# -------------------------------------------------------------- in MMPose


def test_init_model(here: Path, image: np.ndarray) -> None:
    from mmpose.apis import inference_topdown, init_model

    assert rcn_mmpose.model_files is model_files
    model = init_model(*model_files('tiny-5'), device='cpu')
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    faces = inference_topdown(model, colour, BOXES)
    found = np.concatenate([x.pred_instances.keypoints for x in faces])
    scores = np.concatenate([x.pred_instances.keypoint_scores for x in faces])
    ours = load_model('tiny-5', runtime='torch')(image, BOXES)
    np.testing.assert_allclose(found, ours.keypoints, atol=0.01)
    np.testing.assert_allclose(scores, ours.confidence, atol=1e-4)


def test_the_inferencer(here: Path, image: np.ndarray, tmp_path: Path) -> None:
    from mmpose.apis import MMPoseInferencer

    import rcn_mmpose.registry  # noqa: F401

    inferencer = MMPoseInferencer(
        pose2d='tiny-5', device='cpu', det_model='whole_image'
    )
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    (result,) = inferencer(str(path), vis_out_dir=str(tmp_path / 'drawn'), kpt_thr=0)
    ((face,),) = result['predictions']
    ours = load_model('tiny-5', runtime='torch')(path, [[0, 0, 90, 90]])
    np.testing.assert_allclose(face['keypoints'], ours.keypoints[0], atol=0.01)
    assert np.ptp(cv2.imread(str(tmp_path / 'drawn' / 'a.png')), -1).any()


def test_mmpose_still_finds_its_own_models(here: Path) -> None:
    from mmpose.apis import Pose2DInferencer

    finder = Pose2DInferencer.__new__(Pose2DInferencer)
    finder.scope = 'mmpose'
    config, weights = finder._load_model_from_metafile(
        'td-hm_hrnetv2-w18_8xb64-60e_300w-256x256'
    )
    assert config.model.backbone.type == 'HRNet'
    assert weights.startswith('https://')
    with pytest.raises(ValueError, match='Cannot find model: tiny-6'):
        finder._load_model_from_metafile('tiny-6')
    finder.scope = 'mmdet'  # the scope of object detectors
    with pytest.raises(ValueError, match='Cannot find model: tiny-5'):
        finder._load_model_from_metafile('tiny-5')


# --------------------------------------------------------- in the command


def test_list_of_models(changed: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['models']) == 0
    said = capsys.readouterr().out
    assert 'tiny-5: 5 keypoints' in said
    assert 'terms       Apache License 2.0, as the code' in said
    assert 'faces of nobody: NME cells 5.25, NME pixels 4.5' in said
    assert 'LICENSE-weights.md' in said
    assert main(['models', '--json']) == 0
    listed = json.loads(capsys.readouterr().out)
    content = json.loads((changed / shipped.INDEX).read_text())
    assert listed == content['models']
    (changed / 'tiny-5.py').write_text('')
    assert main(['models']) == 1
    said = capsys.readouterr()
    assert 'but the index records' in said.err
    assert 'tiny-5: 5 keypoints' in said.out


def test_predict_by_name_and_by_default(
    here: Path,
    image: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('a.png', image)
    Path('boxes.csv').write_text('file,x1,y1,x2,y2\na.png,10,10,70,70\n')
    words = ['predict', 'a.png', '--boxes', 'boxes.csv', '--quiet']
    assert main([*words, '--model', 'tiny-5']) == 0
    (face,) = json.loads(Path('keypoints.json').read_text())['annotations']
    ours = load_model('tiny-5', runtime='onnx')(image, BOXES[:1])
    found = np.reshape(face['keypoints'], (5, 3))[:, :2]
    np.testing.assert_allclose(found, ours.keypoints[0], atol=0.01)
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "model 'rcn-68'" in said and 'shipped model (tiny-5);' in said


def test_export_by_name(here: Path, tmp_path: Path) -> None:
    """A model whose weights are its own, to be copied alone."""
    out = tmp_path / 'alone.onnx'
    assert main(['export', '--model', 'tiny-5', str(out)]) == 0
    crops = np.zeros((2, 40, 40), np.uint8)
    crops[:, 10:20, 15:30] = 200
    for ours, its in zip(
        load_model('tiny-5').predict_crops(crops),
        load_model(out).predict_crops(crops),
        strict=True,
    ):
        np.testing.assert_allclose(ours, its, atol=1e-3)
