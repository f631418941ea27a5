from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.evaluation.ced import (
    area_under_curve,
    draw_curves,
    failure_rate,
    mean_error,
    staircase,
)

ERRORS = [0.0, 2.0, 2.0, 8.0, 12.0]


def test_by_hand() -> None:
    assert mean_error(ERRORS) == pytest.approx(24 / 5)
    # the staircase: 20 % from 0 to 2, 60 % from 2 to 8, 80 % from 8 to 10
    assert area_under_curve(ERRORS, 8) == pytest.approx((2 * 20 + 6 * 60) / 8)
    assert area_under_curve(ERRORS, 10) == pytest.approx(
        (2 * 20 + 6 * 60 + 2 * 80) / 10
    )
    assert failure_rate(ERRORS, 8) == 20  # an error at the limit is no failure
    assert failure_rate(ERRORS, 1.9) == 80


def test_extreme_errors() -> None:
    assert area_under_curve([0.0, 0.0], 8) == 100
    assert area_under_curve([8.0, 9.0], 8) == 0
    assert failure_rate([8.1], 8) == 100


def test_area_equals_the_area_of_the_drawn_staircase() -> None:
    errors = np.random.default_rng(0).gamma(3, 2, 301)
    for limit in (0.5, 8, 10, 50):
        x, y = staircase(errors, limit)
        assert x[0] == 0 and x[-1] == limit and (np.diff(x) >= 0).all()
        area = (np.diff(x) * y[:-1]).sum() / limit
        assert area_under_curve(errors, limit) == pytest.approx(area)
        inside = 100 * (errors <= limit).mean()
        assert y[-1] == pytest.approx(inside)
        assert failure_rate(errors, limit) == pytest.approx(100 - inside)


def test_sums_are_exact() -> None:
    """The order of the faces does not change any digit."""
    rng = np.random.default_rng(0)
    errors = rng.lognormal(1, 3, 1000).tolist()
    expected = float(sum(map(Fraction, errors))) / 1000
    area = area_under_curve(errors, 10)
    for _ in range(5):
        rng.shuffle(errors)
        assert mean_error(errors) == expected
        assert area_under_curve(errors, 10) == area
    # a plain loop, because `sum` is nearly exact from Python 3.12
    plain = {np.cumsum(rng.permutation(errors))[-1] for _ in range(5)}
    assert len(plain) > 1


def test_more_curves_than_colours(tmp_path: Path) -> None:
    curves = {f'{i}': [0.5 * i] for i in range(12)}
    path = str(tmp_path / 'ced.png')
    draw_curves(path, curves, 'error', 10)
    image = cv2.imread(path)
    colours = np.unique(image.reshape(-1, 3), axis=0).astype(int)
    strong = colours[np.ptp(colours, axis=1) > 60]
    # Six of the palette; the seventh is black.
    assert len(strong) >= 6
    wide = image.shape[1]
    draw_curves(path, dict(list(curves.items())[:2]), 'error', 10)
    assert cv2.imread(path).shape[1] < wide  # the legend of many is beside the axes


def test_the_legend_has_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    labels = []
    step = Axes.step

    def spy(self: Axes, *args: object, **options: object) -> list:
        labels.append(options['label'])
        return step(self, *args, **options)

    monkeypatch.setattr(Axes, 'step', spy)
    curves = dict(a=ERRORS, missed=[4.0, np.inf, np.nan], none=[np.nan])
    draw_curves(str(tmp_path / 'ced.png'), curves, 'error', 15, threshold=8)
    draw_curves(str(tmp_path / 'ced.png'), dict(b=ERRORS), 'error', 10)
    assert labels == [
        'a\nNME 4.80, AUC8 50.00, FR8 20.00',
        'missed\nNME inf, AUC8 25.00, FR8 50.00',
        'none\nno face',
        'b\nNME 4.80, AUC10 56.00, FR10 20.00',
    ]


def test_labels_that_are_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib leaves out labels with _ at the start, and $ begins a formula."""
    from matplotlib.figure import Figure

    shown = []
    save = Figure.savefig

    def spy(self: Figure, *args: object, **options: object) -> None:
        texts = self.axes[0].get_legend().get_texts()
        shown.extend(text.get_text().splitlines()[0] for text in texts)
        save(self, *args, **options)

    monkeypatch.setattr(Figure, 'savefig', spy)
    labels = ['_a.csv', 'a $5 and $x_{1', '100 % [1].csv']
    draw_curves(str(tmp_path / 'ced.png'), dict.fromkeys(labels, ERRORS), 'error', 10)
    assert shown == labels
