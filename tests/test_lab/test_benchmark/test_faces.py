from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.lab.benchmark.faces import count_faces, load_config, raw_faces

from .small_experiment import write_config


@pytest.fixture
def small(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With 12 faces to train and 4 to test."""
    return write_config(converted, tmp_path, monkeypatch)


def test_data_on_disk(small: str, tmp_path: Path) -> None:
    cfg = load_config(small, str(tmp_path / 'none'), 3)
    assert cfg.measured_on == 'mtfl_train'
    assert cfg.train_dataloader.dataset.type == 'rcn_mmpose.MTFLDataset'
    assert count_faces(cfg.train_dataloader.dataset) == 12
    assert cfg.val_cfg is cfg.val_dataloader is cfg.test_dataloader is None
    assert not (tmp_path / 'none').exists()


def test_synthetic_faces_replace_missing_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path / 'empty', tmp_path, monkeypatch)
    for _ in range(2):  # the second call finds the rendered faces
        cfg = load_config(path, str(tmp_path / 'made'), 3)
        assert cfg.measured_on == '3 synthetic faces'
        assert count_faces(cfg.train_dataloader.dataset) == 3
    faces, name = raw_faces(path, str(tmp_path / 'made'), 3)
    assert name == '3 synthetic faces' and len(faces) == 3
    for face in faces:
        assert face.image.shape == (160, 160, 3)
        assert face.box.shape == (1, 4) and face.keypoints.shape == (5, 2)
        assert 10 < face.unit < 100


def test_raw_faces(small: str, tmp_path: Path, converted: Path) -> None:
    faces, name = raw_faces(small, str(tmp_path), 9, 'test_dataloader')
    assert name == 'aflw5_test'
    assert len(faces) == 4
    found = [cv2.imread(str(p)) for p in (converted / 'mtfl').rglob('*.*g')]
    for face in faces:
        assert any(np.array_equal(face.image, other) for other in found)
        left, right = face.keypoints[:2]
        assert face.unit == pytest.approx(np.hypot(*(left - right)))
        assert face.visible.all()


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'no.py' does not exist"):
        load_config('no.py', str(tmp_path), 3)
