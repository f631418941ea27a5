from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from rcn_mmpose import shipped
from rcn_mmpose.cli import main
from rcn_mmpose.shipped import shipped_file, shipped_models


def write_index(folder: Path, **changes: object) -> dict:
    (folder / 'tiny.onnx').write_bytes(b'weights')
    entry = dict(
        name='tiny',
        file='tiny.onnx',
        sha256=hashlib.sha256(b'weights').hexdigest(),
        keypoints=5,
        trained_on='nothing',
        licence='CC0-1.0',
        errors='not measured',
    )
    content = dict(dict(format=1, models=[entry]), **changes)
    (folder / 'index.json').write_text(json.dumps(content))
    return entry


def test_the_index_of_the_package(capsys: pytest.CaptureFixture) -> None:
    assert main(['models']) == 0
    said = capsys.readouterr().out
    models = shipped_models()
    assert all(name in said for name in models)
    assert models or 'No models ship' in said
    for name in models:  # whole
        assert Path(shipped_file(name)).is_file()


def test_a_model_by_its_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    entry = write_index(tmp_path)
    assert shipped_file('tiny', tmp_path) == str(tmp_path / 'tiny.onnx')
    with pytest.raises(FileNotFoundError, match="model 'other'.*ships tiny;"):
        shipped_file('other', tmp_path)
    for function in (shipped_models, shipped_file):
        defaults = (*function.__defaults__[:-1], tmp_path)
        monkeypatch.setattr(function, '__defaults__', defaults)
    assert main(['models', '--json']) == 0
    assert json.loads(capsys.readouterr().out) == [entry]
    (tmp_path / 'tiny.onnx').write_bytes(b'other')
    with pytest.raises(ValueError, match='another sha256'):
        shipped.shipped_file('tiny')
    assert main(['models']) == 1
    said = capsys.readouterr()
    assert 'another sha256' in said.err
    assert 'tiny: 5 keypoints' in said.out
    (tmp_path / 'tiny.onnx').unlink()
    assert main(['models']) == 1
    assert 'the package is not whole' in capsys.readouterr().err


def test_an_index_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='not whole'):
        shipped_models(tmp_path)
    write_index(tmp_path, format=2)
    with pytest.raises(ValueError, match='has the format 2'):
        shipped_models(tmp_path)


def test_export_says_how_well_it_agrees(
    tmp_path: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('onnxruntime')
    out = tmp_path / 'model.onnx'
    assert main(['export', '--model', checkpoint, str(out)]) == 0
    said = capsys.readouterr().out
    values = [line.split()[1] for line in said.splitlines()[1:4]]
    assert all(0 <= float(value) < 0.01 for value in values)
    assert out.is_file() and out.with_suffix('.json').is_file()


def test_export_that_differs_is_not_written(
    tmp_path: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    pytest.importorskip('onnxruntime')
    from rcn_mmpose.inference import onnx_export

    monkeypatch.setitem(onnx_export.TOLERANCES, 'confidence', -1)
    out = tmp_path / 'model.onnx'
    assert main(['export', '--model', checkpoint, str(out)]) == 1
    assert 'ONNX Runtime differs' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
