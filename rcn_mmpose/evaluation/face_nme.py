"""FaceNME: the metric of face keypoints, by several protocols and normalisers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import (
    broadcast_object_list,
    collect_results,
    is_main_process,
)
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from ..registry import METRICS
from .error_file import write_errors
from .error_table import ErrorTable
from .faces import fields_of, one_per_face, read_face
from .measures import VALUES, MeasurePlan


@METRICS.register_module()
class FaceNME(BaseMetric):
    """Normalised mean error of faces (paper, eq. 4) and its distribution.

    The error of a face is the mean over its labelled keypoints of the
    distance to the truth, divided by a length of the face; all values are in
    percent. Neither true nor predicted keypoints are clipped to the crop or the
    image; the 2016 release moved predictions to the border if the truth
    lay on the border.

    A value is called ``<value>_<protocol>_<normaliser>``, followed by
    ``_<keypoints>`` unless it covers all keypoints and by ``_<faces>`` unless it
    covers all faces. Examples: ``NME_pixels_eye_centres``,
    ``AUC8_cells_eye_points`` and ``NME_pixels_outer_corners_49_common``:

    ================= ====================================================
    value
    ``NME``           the mean of the errors
    ``AUC8``          the area under the cumulative error distribution from 0
                      to 8 %, in percent of the largest possible; or 10 %
    ``FR8``           failure rate, the share of faces with an error above
                      8 %; or 10 %
    protocol
    ``pixels``        today's protocol: continuous positions in pixels of the
                      image
    ``cells``         the paper's protocol: the most probable cell of the crop
                      against the cell of the true keypoint, both whole numbers,
                      so errors below one cell do not count (the normaliser is
                      not rounded); missing if the maps of the model do not have
                      one cell per pixel of the crop
    normaliser
    ``eye_points``    distance between the two eye keypoints (MTFL: the eye
                      centres; WFLW and COFW: the pupils)
    ``eye_centres``   distance between the midpoints of the eye corners; used in
                      the paper for 68 keypoints
    ``outer_corners`` distance between the outer eye corners, used by MMPose;
                      about 1.4 times ``eye_centres``
    ``box``           sqrt(width * height) of the smallest upright bounding box
                      of the labelled true keypoints
    keypoints
    ``49``            the 68 without the contour (counted from 1: 1 to 17) and
                      the inner corners of the mouth (61, 65)
    a region          ``contour``, ``brows``, ``nose``, ``eyes`` or ``mouth``
    a keypoint        by its name in the dataset
    faces
    a subset          such as ``common`` and ``challenging`` of 300W
    ================= ====================================================

    The metainfo of the dataset names normalisers, keypoint groups and subsets.
    For datasets without such metainfo (MMPose's own), the arguments name them.
    ``CheckpointHook`` can choose the best checkpoint by any returned value.

    Every face counts once, even if several processes test it, and all sums are
    exact. The result is deterministic: the same predictions give the same digits
    with any batch size and any number of processes.

    Args:
        normalisers (Mapping | Sequence, optional): A list of names chooses
            normalisers of the dataset or ``'box'``. A dict adds normalisers
            before those of the dataset: two groups of keypoints each (indices
            from 0) whose means are the ends of the length, such as
            ``dict(eye_centres=((36, 39), (42, 45)))``. The first normaliser is
            the main one. Defaults to the normalisers of the dataset and
            ``'box'``.
        keypoint_groups (Mapping | Sequence, optional): Sets of keypoints with
            all values: a list of names in the dataset, or a dict of indices.
            Defaults to none.
        face_subsets (Mapping | Sequence, optional): Subsets of faces: a list
            of names in the dataset, or a dict of rules, see
            :mod:`rcn_mmpose.evaluation.faces`. Each subset must match a face.
            Defaults to none.
        values (Sequence[str]): Quantities. Defaults to ``NME``, ``AUC8``,
            ``AUC10``, ``FR8`` and ``FR10``; other whole limits are allowed.
        detailed (bool): Also measure all groups and all complete subsets of
            the dataset, and the NME of each region and of each keypoint by the
            main normaliser; log a table without single keypoints. Defaults to
            False.
        out_file (str, optional): Write the error of each face to this CSV
            file, see :mod:`rcn_mmpose.evaluation.error_file`. A name without a
            folder is placed beside the log of the run. Defaults to None.
        collect_device (str): ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``.
        prefix (str, optional): Prefix of the names. Defaults to None.
        collect_dir (str, optional): Folder that all processes share, for
            ``collect_device='cpu'``. Defaults to ``.dist_test``.
        log_table (bool): Whether a detailed test logs its table. tools/test.py
            sets this to False and prints the table last. Defaults to True.

    Raises:
        ValueError: If an argument does not fit the dataset (raised before the
            test), a subset matches no face, a face cannot be measured, or two
            faces have the same id.
    """

    default_prefix = ''  # names of values are clear without a prefix

    def __init__(
        self,
        normalisers: Mapping | Sequence[str] | None = None,
        keypoint_groups: Mapping | Sequence[str] | None = None,
        face_subsets: Mapping | Sequence[str] | None = None,
        values: Sequence[str] = VALUES,
        detailed: bool = False,
        out_file: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
        log_table: bool = True,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.options: dict[str, Any] = dict(
            normalisers=normalisers,
            keypoint_groups=keypoint_groups,
            face_subsets=face_subsets,
            values=values,
            detailed=detailed,
        )
        self.log_table = log_table
        self.out_file = out_file
        # the errors of the last test, in the main process only
        self.table: ErrorTable | None = None

    @BaseMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Plan the measures of a dataset; the runner sets it before the test."""
        self.plan = MeasurePlan(dataset_meta, **self.options)
        self._dataset_meta = dataset_meta

    def process(self, data_batch: dict | None, data_samples: Sequence[dict]) -> None:
        """Keep one result per face of a batch."""
        fields = fields_of(self.plan.subsets.values())
        self.results += [read_face(s, fields) for s in data_samples]

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the values from the results of all processes.

        Unlike MMEngine's method, this method removes duplicate faces of a sampler
        by their ids, not by their position, and raises errors in all processes.

        Args:
            size (int): Number of faces in the dataset.

        Returns:
            dict[str, float]: In percent by name; the same in every process.
        """
        # no size limit: truncating could drop faces that are not duplicates
        results = collect_results(
            self.results, sys.maxsize, self.collect_device, self.collect_dir
        )
        self.results.clear()
        outcome: list = [None]
        if is_main_process():
            try:
                faces = one_per_face(results, size)
                if len(faces) < size:
                    MMLogger.get_current_instance().warning(
                        f'{size - len(faces)} of {size} faces of the '
                        'dataset were not tested; is drop_last set?'
                    )
                outcome = [self.compute_metrics(faces)]
            except (ValueError, OSError) as error:
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        start = f'{self.prefix}/' if self.prefix else ''
        return {start + name: value for name, value in outcome[0].items()}

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute all values.

        Args:
            results (list[FaceResult]): The faces, without duplicates.

        Returns:
            dict[str, float]: In percent by name, the main value first.
        """
        meta = self.dataset_meta
        logger = MMLogger.get_current_instance()
        count = len(results)
        logger.info(
            f'{meta["dataset_name"]} '
            f'({meta.get("list_name") or "unnamed list"}): evaluated '
            f'{count} of {meta.get("faces_listed", count)} faces listed.'
        )
        table = self.table = ErrorTable(
            results, self.plan, lambda text, level: logger.log(level, text)
        )
        if self.options['detailed'] and self.log_table:
            logger.info(f'errors in percent\n{table.table()}')
        if self.out_file is not None:
            path = self.out_file
            if not os.path.dirname(path) and logger.log_file:
                path = os.path.join(os.path.dirname(logger.log_file), path)
            write_errors(path, table)
            logger.info(f'The errors of all faces are in {path}.')
        return {m.name: value for m, value in table.values.items()}
