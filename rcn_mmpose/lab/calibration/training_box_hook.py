"""Measure the training boxes of a dataset of your own before a training."""

from __future__ import annotations

import json

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...datasets.face.own_faces import OwnFaceDataset
from ...io.text_files import open_text
from .detector_boxes import measure_training_boxes


class TrainingBoxHook(Hook):
    """Measure how training boxes follow from a detector's, if that is unknown.

    The result becomes part of the dataset's metainfo, which MMEngine writes into
    every checkpoint. Other datasets, and pipelines that do not crop the annotated
    boxes, are left alone.
    """

    def before_run(self, runner: Runner) -> None:
        """Measure, in the process that writes the checkpoints."""
        dataset = runner.train_dataloader.dataset
        dataset = getattr(dataset, 'dataset', dataset)
        if (
            not is_main_process()
            or not isinstance(dataset, OwnFaceDataset)
            or 'training_boxes' in dataset.metainfo
        ):
            return
        with open_text(dataset.ann_file) as file:
            content = json.load(file)
        boxes, said = measure_training_boxes(content, dataset.data_prefix['img'])
        dataset._metainfo['training_boxes'] = boxes
        runner.logger.info(f'{dataset.ann_file}: {said}')
