from __future__ import annotations

import cv2
import numpy as np

from rcn_mmpose.detect import HaarDetector
from rcn_mmpose.detect.haar import CASCADE
from rcn_mmpose.geometry.boxes import drop_duplicates, overlap
from rcn_mmpose.synthetic import render_face


def test_overlap() -> None:
    box = np.array([0.0, 0, 4, 4])
    others = np.array([[0, 0, 4, 4], [2, 0, 6, 4], [4, 0, 8, 4], [1, 1, 3, 3]])
    np.testing.assert_allclose(
        overlap(box, others.astype(float)), [1, 8 / 24, 0, 4 / 16]
    )


def test_the_most_confident_box_of_a_face_stays() -> None:
    boxes = np.array(
        [
            [0.0, 0, 10, 10],
            [5, 0, 15, 10],  # 50 of 150 shared with the first: 33 %
            [6, 20, 16, 30],
            [12.2, 20, 22.2, 30],  # 38 of 162 shared with the third: 23 %
            [7, 21, 11, 25],  # inside the third
        ]
    )
    kept = drop_duplicates(boxes, np.array([1, 2, 3, 4, 5.0]))
    # the small box is the most confident, so the third is dropped
    np.testing.assert_array_equal(kept, boxes[[1, 3, 4]])
    kept = drop_duplicates(boxes, np.array([2, 1, 5, 4, 3.0]))
    np.testing.assert_array_equal(kept, boxes[[0, 2, 3]])
    none = drop_duplicates(boxes[:0], np.zeros(0))
    assert none.shape == (0, 4)


def test_each_face_of_many_is_found_once() -> None:
    side = 160
    rows = [
        np.hstack(
            [
                render_face(i, size=side, pose=(0, 0, 0), plain=True).image
                for i in range(start, start + 5)
            ]
        )
        for start in (10, 15)
    ]
    image = np.vstack(rows)
    detector = HaarDetector('cascade')
    boxes = detector(image)
    places = ((boxes[:, :2] + boxes[:, 2:]) / 2 // side).astype(int)
    assert len(boxes) == len(np.unique(places, axis=0)) == 10
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)
    plain = cascade.detectMultiScale(grey, minNeighbors=4)
    assert len(plain) > 10  # the answer of the cascade itself
