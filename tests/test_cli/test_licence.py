"""The licence of the weights: in the files of a model, and on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model, model_files
from rcn_mmpose.cli import main, say_licence
from rcn_mmpose.inference.loading import ModelInfo
from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.shipped.catalogue import FOLDER, shipped_models

START = 'licence of the weights of '


@pytest.fixture
def photos(face: np.ndarray, tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / name) for name in ('a.png', 'b.png')]
    for path in paths:
        cv2.imwrite(path, face)
    return paths


@pytest.fixture
def clip(face: np.ndarray, tmp_path: Path) -> str:
    path = str(tmp_path / 'clip.avi')
    size = face.shape[1::-1]
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'MJPG'), 10, size)
    for _ in range(3):
        writer.write(face)
    writer.release()
    return path


def test_predict_says_it_once_and_not_on_stdout(
    photos: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('onnxruntime')
    out = str(tmp_path / 'out.csv')
    assert main(['predict', *photos, '--model', 'rcn-5', '--out', out, '--quiet']) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [f'{START}rcn-5: research only']
    assert 'licence' not in said.out + Path(out).read_text()


def test_video_says_it_once(
    clip: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('onnxruntime')
    main(
        ['video', clip, '--model', 'rcn-5-synthetic', '--out', str(tmp_path / 'o.csv')]
    )
    said = capsys.readouterr()
    line = f'{START}rcn-5-synthetic: Apache License 2.0, as the code'
    assert said.err.splitlines().count(line) == 1
    assert 'licence' not in said.out


def test_serve_says_it_for_each_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('onnxruntime')
    monkeypatch.setattr(PageServer, 'serve_forever', lambda server: None)
    assert main(['serve', 'rcn-5', 'rcn-5-synthetic', '--port', '0']) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f'{START}rcn-5: research only',
        f'{START}rcn-5-synthetic: Apache License 2.0, as the code',
    ]
    assert said.out.startswith('http://')


def test_shipped_models_have_their_terms_in_every_form() -> None:
    pytest.importorskip('onnxruntime')
    for name, model in shipped_models().items():
        assert load_model(name).info.licence == model.terms
    name = 'rcn-5-synthetic'
    for files in (
        [FOLDER / f'{name}.onnx'],
        [FOLDER / f'{name}.pth'],
        model_files(name),
    ):
        assert load_model(*files).info.licence == 'Apache License 2.0, as the code'


def test_an_own_model_claims_nothing(
    checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    """The file states no licence, so the package guesses none."""
    model = load_model(checkpoint)
    assert model.info.licence == ''
    say_licence(model)
    said = capsys.readouterr().err
    assert said.startswith(f'{START}small: not stated.')
    assert "licence = '...'" in said and 'research' not in said


def test_an_own_model_states_its_licence_in_the_config(
    checkpoint: str, tmp_path: Path
) -> None:
    """The licence travels from the config to the checkpoint and the export."""
    import torch

    content = torch.load(checkpoint, weights_only=True)
    plain = tmp_path / 'config.py'
    plain.write_text(content['meta']['cfg'])
    named = tmp_path / 'named.py'
    named.write_text(content['meta']['cfg'] + "\nlicence = 'CC BY 4.0'\n")
    assert load_model(named, checkpoint).info.licence == 'CC BY 4.0'

    content['meta']['cfg'] = named.read_text()
    own = tmp_path / 'own.pth'
    torch.save(content, own)
    assert load_model(own).info.licence == 'CC BY 4.0'
    # A config that states no licence keeps that of the checkpoint.
    assert load_model(plain, own).info.licence == 'CC BY 4.0'

    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnx')
    onnx = tmp_path / 'own.onnx'
    assert main(['export', '--model', str(own), str(onnx)]) == 0
    assert json.loads(onnx.with_suffix('.json').read_text())['licence'] == 'CC BY 4.0'
    assert load_model(onnx).info.licence == 'CC BY 4.0'


def test_a_file_beside_the_shipped_models_gets_no_terms(
    checkpoint: str, tmp_path: Path
) -> None:
    """A model of the user may have the name of a shipped one."""
    own = tmp_path / 'rcn-5.pth'
    shutil.copy(checkpoint, own)
    assert load_model(own).info.licence == ''


def test_control_characters_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture,
) -> None:
    info = ModelInfo((80, 80), ('a',), name='b', licence='c\x1b[2J\nd')
    say_licence(SimpleNamespace(info=info))
    assert capsys.readouterr().err == f'{START}b: c\\x1b[2J d\n'
