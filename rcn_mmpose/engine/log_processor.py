"""Short lines for validation and test in the console and the text log."""

from __future__ import annotations

from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.runner import LogProcessor, Runner

from ..evaluation.face_nme import FaceNME
from ..evaluation.measures import PROTOCOLS
from ..registry import LOG_PROCESSORS


@LOG_PROCESSORS.register_module()
class ShortLogProcessor(LogProcessor):
    """Print the main errors of a validation or test, not all of its values.

    A detailed :class:`~rcn_mmpose.evaluation.face_nme.FaceNME` has over 300 values.
    The line shows the ``NME`` of all keypoints and all faces by each protocol and
    normaliser, and all values of other metrics. The files and TensorBoard still get
    every value.

    The arguments are the same as for MMEngine's ``LogProcessor``.
    """

    def get_log_after_epoch(
        self,
        runner: Runner,
        batch_idx: int,
        mode: str,
        with_non_scalar: bool = False,
    ) -> tuple[dict, str]:
        """Format the values after a validation or a test.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of batches.
            mode (str): ``'val'`` or ``'test'``.
            with_non_scalar (bool): Whether to return values that are not numbers.

        Returns:
            tuple[dict, str]: All values by name, and the short line.
        """
        values, line = super().get_log_after_epoch(
            runner, batch_idx, mode, with_non_scalar
        )
        loop = runner.val_loop if mode == 'val' else runner.test_loop
        hidden = hidden_values(loop.evaluator, list(values))
        parts = [part for part in line.split('  ') if part.split(':')[0] not in hidden]
        return values, '  '.join(parts)


def hidden_values(evaluator: Evaluator, names: list[str]) -> set[str]:
    """Find the values of ``FaceNME`` that the line leaves out.

    Args:
        evaluator (Evaluator): The evaluator of the loop.
        names (list[str]): Names of all values, perhaps after a prefix and a slash.

    Returns:
        set[str]: Names from ``names``.
    """
    hidden: set[str] = set()
    for metric in evaluator.metrics:
        if isinstance(metric, FaceNME) and metric.dataset_meta is not None:
            hidden.update(n for n in names if _is_detail(n.rsplit('/')[-1], metric))
    return hidden


def _is_detail(name: str, metric: Any) -> bool:
    """Whether a name is a value of the metric that is not a main error."""
    plan = metric.plan
    starts = tuple(f'{v}_{p}_' for v in plan.values for p in PROTOCOLS)
    main = {f'NME_{p}_{n}' for p in PROTOCOLS for n in plan.normalisers}
    return name.startswith(starts) and name not in main
