from __future__ import annotations

from pathlib import Path

import pytest

from rcn_mmpose.lab.benchmark.video_memory import (
    SIZE,
    main,
    track_video,
    write_moving_face,
)
from rcn_mmpose.tracking.frames import VideoFrames


def test_the_video_has_a_moving_face(tmp_path: Path) -> None:
    path = str(tmp_path / 'face.mp4')
    write_moving_face(path, 60)
    with VideoFrames(path) as frames:
        images = [frame.image for frame in frames]
        assert frames.problems() == []
    assert len(images) == 60 and images[0].shape == (SIZE, SIZE, 3)
    change = [abs(image.astype(int) - images[0]).mean() for image in images]
    assert change[25] > 3 * max(change[50], 1)


@pytest.mark.slow
def test_a_row_for_each_length(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    pytest.importorskip('onnxruntime')
    monkeypatch.setenv('PYTHONPATH', str(root))
    main(['4'])
    (row,) = capsys.readouterr().out.splitlines()[1:]
    frames, _, peak, size = map(float, row.split())
    assert frames == 4 and peak > 30 and size >= 0
    with pytest.raises(RuntimeError, match='ended with 2'):
        track_video(2, '.csv', 'none.onnx')
