"""Errors by the difficulty of faces: figures 3 and S2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...evaluation.faces import FaceResult
from ...image.colours import curve_style
from ...image.contact_sheet import draw_face
from ...image.reading import read_image
from ...io.image_files import write_figure
from .tested_faces import FaceErrors

# Percentiles of difficulty; the hardest faces have many bins, as in the paper.
BINS = (0, 20, 40, 60, 70, 80, 85, 90, 93, 95, 97, 98, 99, 100)


def rank(tested: Mapping[str, FaceErrors]) -> np.ndarray:
    """Sort faces from the easiest to the hardest.

    The difficulty of a face is its mean error over the models (paper,
    figure 3).

    Args:
        tested (Mapping[str, FaceErrors]): Errors of the same N faces by model.

    Returns:
        np.ndarray: Indices of the faces, easiest first, (N,).

    Raises:
        ValueError: If the models were tested on different faces.
    """
    (first, *others) = tested
    names = [(f.dataset, f.id) for f in tested[first].faces]
    for other in others:
        if [(f.dataset, f.id) for f in tested[other].faces] != names:
            raise ValueError(
                f'{other!r} was tested on other faces than {first!r}; give '
                'models of the same keypoints and test sets.'
            )
    return np.argsort(
        np.mean([t.errors for t in tested.values()], axis=0), kind='stable'
    )


def choose(count: int, seed: int, bins: Sequence[float] = BINS) -> list[int]:
    """Choose a random rank from each bin of percentiles.

    Args:
        count (int): N, the number of faces.
        seed (int): Seed of the choice.
        bins (Sequence[float]): B + 1 boundaries in percent, ascending.

    Returns:
        list[int]: B ranks from 0 to N - 1.

    Raises:
        ValueError: If a bin holds no face.
    """
    rng = np.random.default_rng(seed)
    edges = [round(count * edge / 100) for edge in bins]
    places = []
    for low, high in zip(edges, edges[1:], strict=False):
        if low == high:
            raise ValueError(
                f'{count} faces are too few for {len(bins) - 1} bins of '
                'difficulty; test on 100 or more.'
            )
        places.append(int(rng.integers(low, high)))
    return places


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running mean; the window is clipped at both ends.

    Args:
        values (np.ndarray): (N,).
        window (int): Odd number of values.

    Returns:
        np.ndarray: (N,); entry i is the mean of the values at most
        window // 2 positions away.
    """
    sums = np.concatenate(([0.0], np.cumsum(values)))
    places = np.arange(len(values))
    low = np.maximum(places - window // 2, 0)
    high = np.minimum(places + window // 2 + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def draw_samples(
    path: str, tested: Mapping[str, FaceErrors], seed: int = 0
) -> list[str]:
    """Draw figure 3: faces from easy to hard, one row per model.

    Args:
        path (str): Path of the image.
        tested (Mapping[str, FaceErrors]): Errors of the same faces by model.
        seed (int): Seed of the choice of faces.

    Returns:
        list[str]: Title of each model with its mean error on the drawn faces.
    """
    order = rank(tested)
    chosen = [int(order[place]) for place in choose(len(order), seed)]
    rows, titles = [], []
    for label, (faces, errors) in tested.items():
        mean = errors[chosen].mean()
        titles.append(f'{label}\n{mean:.2f} %')
        rows.append([face_tile(faces[i]) for i in chosen])
    heads = [f'{a:g}-{b:g} %' for a, b in zip(BINS, BINS[1:], strict=False)]
    draw_grid(path, rows, titles, heads)
    return titles


def draw_log_errors(path: str, tested: Mapping[str, FaceErrors]) -> None:
    """Draw figure S2: the log of the error by difficulty.

    The errors of single faces scatter, so the curves are running means over
    5 % of the faces.

    Args:
        path (str): Path of the image.
        tested (Mapping[str, FaceErrors]): Errors of the same faces by model.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    order = rank(tested)
    window = max(1, len(order) // 20) | 1
    share = 100 * (np.arange(len(order)) + 0.5) / len(order)
    figure, axes = plt.subplots(figsize=(7, 4.5), dpi=120)
    for i, (label, (_, errors)) in enumerate(tested.items()):
        # An error of exactly 0 has no logarithm.
        logs = np.log(np.maximum(errors[order] / 100, 1e-4))
        (line,) = axes.plot(share, smooth(logs, window), label=label, linewidth=1.2)
        line.set(**curve_style(i))
    axes.set(
        xlabel='difficulty: percent of the faces, from easy to hard',
        ylabel='log of the error',
        xlim=(0, 100),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
    figure.tight_layout()
    write_figure(path, figure)
    plt.close(figure)


def face_tile(face: FaceResult, side: int = 160) -> np.ndarray:
    """Draw a face with true and predicted keypoints, (side, side, 3) BGR.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the image cannot be read.
    """
    image = read_image(face.img_path)
    reach = 0.55 * face.scale.max()
    view = np.concatenate((face.centre - reach, face.centre + reach))
    return draw_face(image, face.truth, face.pred, view=view, side=side)


def draw_grid(
    path: str,
    rows: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    heads: Sequence[str],
) -> None:
    """Draw tiles in rows and columns, with titles, heads and a line on the marks."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    columns = len(heads)
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(1.1 * columns + 1.2, 1.1 * len(rows) + 0.5),
        dpi=150,
        squeeze=False,
        gridspec_kw=dict(
            wspace=0.03,
            hspace=0.03,
            left=1.2 / (1.1 * columns + 1.2),
            right=0.995,
            bottom=0.25 / (1.1 * len(rows) + 0.5),
            top=1 - 0.25 / (1.1 * len(rows) + 0.5),
        ),
    )
    for line, tiles, title in zip(axes, rows, titles, strict=True):
        line[0].set_ylabel(title, rotation=0, ha='right', va='center', size=7)
        for axis, tile in zip(line, tiles, strict=True):
            axis.imshow(tile[..., ::-1], interpolation='antialiased')
            axis.set(xticks=[], yticks=[])
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(head, size=7, pad=3)
    marks = 'blue dot: true keypoint, yellow cross: predicted keypoint'
    figure.text(0.995, 0.01, marks, size=7, ha='right', va='bottom')
    write_figure(path, figure)
    plt.close(figure)
