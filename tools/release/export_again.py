r"""Export the shipped models again, from their shipped checkpoints.

    python tools/release/export_again.py

writes NAME.onnx and NAME.json of all shipped models, or of the named ones, and their
sizes and checksums in index.json and the model cards. Checkpoints, configs and test
results stay.
Use it after a change of the exported graph or its description. Nothing is written if
ONNX Runtime predicts other keypoints than PyTorch.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rcn_mmpose import compat

compat.activate()

import numpy as np

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.geometry.boxes import box_from_extent
from rcn_mmpose.inference import load_model
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.paper.markdown import put_between_marks
from rcn_mmpose.lab.release import packing, records
from rcn_mmpose.shipped.catalogue import (
    FOLDER,
    INDEX,
    describe_file,
    index_text,
    shipped_models,
)
from rcn_mmpose.synthetic import render_face

CARDS = Path(__file__).resolve().parents[2] / 'docs' / 'models'
FACES = 24  # rendered faces for the comparison


def main(
    arguments: Sequence[str] | None = None, folder: Path = FOLDER, cards: Path = CARDS
) -> None:
    """Export the models again."""
    models = shipped_models(folder)
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'names', nargs='*', metavar='NAME', help='shipped models (default: all)'
    )
    names = parser.parse_args(arguments).names or list(models)
    unknown = [name for name in names if name not in models]
    if unknown:
        raise ValueError(f'{unknown[0]!r} does not ship; give some of {list(models)}.')
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            checkpoint = Path(work) / f'{name}.pth'
            shutil.copy(folder / checkpoint.name, checkpoint)
            predictor = load_model(name, runtime='torch')
            crops = [
                predictor.crop(face.image, [box_from_extent(face.keypoints)])
                for face in map(render_face, range(FACES))
            ]
            parity = packing.write_onnx(predictor, checkpoint, np.concatenate(crops))
            print(f'{name}: keypoints within {parity.keypoints:.2g} pixels')
            described = dict(models[name].files)
            for ending in ('.onnx', '.json'):
                path = checkpoint.with_suffix(ending)
                files[path.name] = path.read_bytes()
                described[path.name] = describe_file(path)
            models[name] = replace(models[name], files=described)
    for file, content in files.items():
        write_whole(str(folder / file), content)
    write_whole(str(folder / INDEX), index_text(models).encode())
    for name in names:
        card = str(cards / f'{name}.md')
        put_between_marks(card, records.MARK, records.card_facts(models[name]))


if __name__ == '__main__':
    run_script(main)
