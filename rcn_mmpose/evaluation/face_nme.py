"""Errors of faces by several protocols and normalisers, side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

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
from .measures import VALUES, Plan


@METRICS.register_module()
class FaceNME(BaseMetric):
    """Normalised mean error of faces (paper, eq. 4) and its distribution.

    The error of a face is the mean over its labelled keypoints of the
    distance to the truth, divided by a length of the face; all values are in
    percent. A keypoint counts where it truly is, also outside the crop or the
    image, and predictions are taken as they are; the code of the paper
    moved predictions to the border where the truth lay there.

    A value is called ``<value>_<protocol>_<normaliser>``, followed by
    ``_<keypoints>`` and ``_<faces>`` unless it is of all of them, such as
    ``NME_pixels_eye_centres``, ``AUC8_cells_eye_points`` and
    ``NME_pixels_outer_corners_49_common``:

    ================= ====================================================
    value
    ``NME``           the mean of the errors
    ``AUC8``          the area under the cumulative error distribution from 0
                      to 8 %, in percent of the largest possible; or 10 %
    ``FR8``           failure rate, the share of faces with an error above
                      8 %; or 10 %
    protocol
    ``pixels``        today's: continuous positions in pixels of the image
    ``cells``         the paper's: the most probable cell of the crop against
                      the true keypoint's cell, both whole numbers, so that
                      errors below a cell do not count (the normaliser is not
                      rounded); not there if the model does not predict one
                      cell for each pixel of the crop
    normaliser
    ``eye_points``    distance between the two points of the eyes (MTFL: the
                      eyes' centres; WFLW and COFW: the pupils)
    ``eye_centres``   distance between the midpoints of the eye corners; the
                      paper's for 68 keypoints
    ``outer_corners`` distance between the outer eye corners, MMPose's; about
                      1.4 times ``eye_centres``
    ``box``           sqrt(width * height) of the upright box that just holds
                      the face's labelled true keypoints
    keypoints
    ``49``            the 68 without the contour (counted from 1: 1 to 17) and
                      the inner corners of the mouth (61, 65)
    a region          ``contour``, ``brows``, ``nose``, ``eyes`` or ``mouth``
    a keypoint        by its name in the dataset
    faces
    a subset          such as ``common`` and ``challenging`` of 300W
    ================= ====================================================

    Normalisers, keypoint groups and subsets are named by the metainfo of the
    dataset, or by the arguments for datasets whose metainfo has none, as
    MMPose's own. ``CheckpointHook`` may choose the best checkpoint by any
    value returned.

    Every face counts once, however many processes test it, and all sums are
    exact: the same predictions give the same digits with any batch size and
    any number of processes.

    Args:
        normalisers (Mapping | Sequence, optional): A list chooses from those
            of the dataset and ``'box'``; a dict adds some before those,
            each two groups of keypoints (indices from 0) whose means are the
            ends of the length, as ``dict(eye_centres=((36, 39), (42,
            45)))``. The first is the main one. Defaults to those of the dataset
             and ``'box'``.
        keypoint_groups (Mapping | Sequence, optional): Sets of keypoints that
            are measured as all are: a list of names in the dataset, or a
            dict of indices. Defaults to none.
        face_subsets (Mapping | Sequence, optional): Subsets of faces: a list
            of names in the dataset, or a dict of rules, see
            :mod:`.face_subsets`. Each must match a face. Defaults to none.
        values (Sequence[str]): Defaults to ``NME``, ``AUC8``, ``AUC10``,
            ``FR8`` and ``FR10``; other whole limits will do.
        detailed (bool): Measure also all groups and those subsets of the dataset
             that are there as a whole; of the regions and of each
            keypoint the NME by the main normaliser; and log all in a table.
            Defaults to False.
        out_file (str, optional): Write the error of each face to this csv
            file, see :mod:`.error_file`. A name without a folder is put
            beside the log of the run. Defaults to None.
        collect_device (str): ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``.
        prefix (str, optional): Put before the names. Defaults to None.
        collect_dir (str, optional): Folder that all processes share, for
            ``collect_device='cpu'``. Defaults to ``.dist_test``.

    Raises:
        ValueError: If an argument does not fit the dataset (before the first
            test), a subset matches no face, a face cannot be measured, or
            faces share an id.
    """

    default_prefix = ''  # the names are clear by themselves

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
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.options = dict(
            normalisers=normalisers,
            keypoint_groups=keypoint_groups,
            face_subsets=face_subsets,
            values=values,
            detailed=detailed,
        )
        self.out_file = out_file

    @BaseMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Plan the test of a dataset; the runner does it before it starts."""
        self.plan = Plan(dataset_meta, **self.options)
        self._dataset_meta = dataset_meta

    def process(self, data_batch: dict | None, data_samples: Sequence[dict]) -> None:
        """Keep what is needed of a batch, one entry a face."""
        fields = fields_of(self.plan.subsets.values())
        self.results += [read_face(s, fields) for s in data_samples]

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the values from the results of all processes.

        Unlike MMEngine's, it drops the faces that a sampler repeated by their
        ids, not by their place, and raises errors in all processes.

        Args:
            size (int): Faces of the dataset.

        Returns:
            dict[str, float]: In percent by name, in every process.
        """
        # no limit: what is cut off need not be what was repeated
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
                        f'{size - len(faces)} of {size} faces of the data '
                        'set were not tested; is drop_last set?'
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
            results (list[FaceResult]): The faces, each once.

        Returns:
            dict[str, float]: In percent by name, the main one first.
        """
        meta = self.dataset_meta
        logger = MMLogger.get_current_instance()
        count = len(results)
        logger.info(
            f'{meta["dataset_name"]} '
            f'({meta.get("list_name") or "unnamed list"}): evaluated '
            f'{count} of {meta.get("faces_listed", count)} faces listed.'
        )
        table = ErrorTable(results, self.plan)
        if self.options['detailed']:
            logger.info(f'errors in percent\n{table.text()}')
        if self.out_file is not None:
            path = self.out_file
            if not os.path.dirname(path) and logger.log_file:
                path = os.path.join(os.path.dirname(logger.log_file), path)
            write_errors(path, table)
            logger.info(f'The errors of all faces are in {path}.')
        return {m.name: value for m, value in table.values.items()}
