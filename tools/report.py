"""Draw what a test found: faces, the worst faces, error curve, table.

    python tools/test.py CONFIG CHECKPOINT --dump predictions.pkl
    python tools/report.py CONFIG predictions.pkl --out report

writes faces.png (faces drawn at random), worst.png (those with the largest
errors) and ced.png (the cumulative error distribution), and prints a table.
True keypoints are green, predicted ones red, a yellow line joins them.

The file of predictions is unpickled: open your own only.
"""

from __future__ import annotations

import argparse
import os
import sys

import cv2
import numpy as np

from rcn_mmpose import compat

compat.activate()

from mmengine.config import Config  # noqa: E402
from mmengine.fileio import load  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmpose.registry import DATASETS  # noqa: E402

from rcn_mmpose.evaluation.face_nme import face_errors, read_face  # noqa: E402
from rcn_mmpose.sheet import contact_sheet, draw_face  # noqa: E402

PROTOCOLS = ('pixels', 'cells')


def draw(face: dict, side: int = 160) -> np.ndarray:
    """Draw a face, its truth and its prediction."""
    picture = cv2.imread(face['img_path'])
    if picture is None:
        raise ValueError(
            f'picture {face["img_path"]!r} cannot be read; run this where '
            'the test ran.'
        )
    reach = 0.55 * face['scale'].max()
    view = np.concatenate((face['centre'] - reach, face['centre'] + reach))
    return draw_face(
        picture, face['truth'], face['pred'], view=view, side=side
    )


def draw_curves(path: str, errors: np.ndarray) -> None:
    """Draw the cumulative error distribution.

    Args:
        path (str): Picture to write.
        errors (np.ndarray): In percent, (N, P) for P protocols.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 4), dpi=120)
    share = np.linspace(0, 100, len(errors) + 1)[1:]
    for name, column in zip(PROTOCOLS, errors.T, strict=False):
        axes.step(np.sort(column), share, where='post', label=name)
    axes.set(
        xlim=(0, 15),
        ylim=(0, 100),
        xlabel='error of a face, % of the eye distance',
        ylabel='faces with at most this error, %',
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def table(errors: np.ndarray) -> str:
    """Write the table of a test.

    Args:
        errors (np.ndarray): In percent, (N, P) for P protocols.
    """
    lines = [
        f'{"error, % of the eye distance":30}'
        + ''.join(f'{name:>10}' for name in PROTOCOLS[: errors.shape[1]])
    ]
    rows = {
        'mean (NME)': errors.mean(0),
        'median': np.median(errors, 0),
        '90 of 100 faces are below': np.percentile(errors, 90, axis=0),
        'faces above 8 %, in %': 100 * (errors > 8).mean(0),
        'faces above 10 %, in %': 100 * (errors > 10).mean(0),
    }
    for name, values in rows.items():
        lines.append(f'{name:30}' + ''.join(f'{v:10.2f}' for v in values))
    return '\n'.join(lines)


def main(args: list[str]) -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='the config of the test')
    parser.add_argument('predictions', help='file written by --dump')
    parser.add_argument('--out', default='report', help='folder to write')
    parser.add_argument('--number', type=int, default=40, help='of faces')
    parser.add_argument('--seed', type=int, default=0, help='of the choice')
    options = parser.parse_args(args)

    cfg = Config.fromfile(options.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    meta = DATASETS.build(
        dict(cfg.test_dataloader.dataset, lazy_init=True)
    ).metainfo
    faces = [read_face(sample) for sample in load(options.predictions)]
    errors = np.array([face_errors(face, meta['eyes']) for face in faces])
    errors *= 100

    os.makedirs(options.out, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    count = min(options.number, len(faces))
    chosen = {
        'faces.png': rng.choice(len(faces), count, replace=False),
        'worst.png': np.argsort(-errors[:, 0])[:count],
    }
    written = []
    for name, indices in chosen.items():
        written.append(os.path.join(options.out, name))
        cv2.imwrite(
            written[-1], contact_sheet([draw(faces[i]) for i in indices])
        )
    written.append(os.path.join(options.out, 'ced.png'))
    draw_curves(written[-1], errors)
    print(f'{meta["dataset_name"]}: {len(faces)} faces')
    print(table(errors))
    print('\n'.join(written))


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
