from __future__ import annotations

from pathlib import Path

import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.shipped import catalogue as shipped


def test_a_package_without_models(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    (tmp_path / shipped.INDEX).write_text(shipped.index_text({}))
    monkeypatch.setattr(shipped, 'FOLDER', tmp_path)
    assert main(['models']) == 0
    assert 'No models ship with this version' in capsys.readouterr().out
    assert main(['predict', __file__]) == 2
    assert 'shipped model (no models yet)' in capsys.readouterr().err


def test_export_prints_the_differences_to_torch(
    tmp_path: Path, checkpoint: str, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('onnxruntime')
    out = tmp_path / 'model.onnx'
    assert main(['export', '--model', checkpoint, str(out)]) == 0
    said = capsys.readouterr().out
    values = [line.split()[1] for line in said.splitlines()[1:4]]
    assert all(0 <= float(value) < 0.01 for value in values)
    assert out.is_file() and out.with_suffix('.json').is_file()


def test_an_export_with_large_differences_is_not_written(
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


@pytest.mark.parametrize('option', ['--passes 2', '--precision bf16'])
def test_export_refuses_options_of_prediction(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = str(tmp_path / 'model.onnx')
    with pytest.raises(SystemExit) as ended:
        main(['export', '--model', 'rcn-5', out, *option.split()])
    assert ended.value.code == 2
    assert f'unrecognized arguments: {option}' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
