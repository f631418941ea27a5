"""Joint model: a network and a denoiser (paper, section 4, figure 2)."""

from __future__ import annotations

import os.path as osp
from copy import copy
from typing import Any, NoReturn

from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from torch import Tensor

from ...codecs.decoding import best_cells, probability_maps
from ...io.checkpoint import fetch_checkpoint
from ...registry import MODELS
from ..one_hot import one_hot_maps
from ..refiners.keypoint_denoiser import KeypointDenoiser, as_text, map_size

REFINER = 'refiner.'  # prefix of the denoiser's weights


@MODELS.register_module()
class JointEstimator(TopdownPoseEstimator):
    """The joint model: ``P(Y_k | Y_-k, X)``, from image and other keypoints.

    The network's most probable cells go into the denoiser as one-hot maps.
    The score maps of both are added before the softmax and decoded once. (The
    paper's text adds score maps; the caption of its figure says softmax
    values.) ::

        crop -> network ---------------------+-> sum -> softmax -> keypoints
                   |                         |
                   +-> one-hot -> denoiser --+

    Network and denoiser are trained separately. Their weights come from one
    checkpoint of the joint model, or from the checkpoint of the network and
    ``refiner_checkpoint``.

    Args:
        backbone (dict): Config of the network's backbone.
        head (dict): Config of the network's head.
        refiner (dict): Config of the denoiser, an
            ``rcn_mmpose.KeypointDenoiser``.
        rounds (int): Number of passes through the denoiser. From the second
            round on the denoiser reads the joint model's keypoints of the
            round before. Defaults to 1, as in the paper.
        refiner_checkpoint (str, optional): Checkpoint of the denoiser, used
            whenever a checkpoint without a denoiser is loaded.
        **options (Any): Options of MMPose's ``TopdownPoseEstimator``.

    Raises:
        ValueError: If ``refiner`` is not a denoiser, network and denoiser
            differ in K or in the size of their maps, ``rounds`` is not
            positive, or (when weights are loaded) the weights of the denoiser
            are missing or do not match.
        NotImplementedError: If the joint model is trained.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        refiner: dict,
        rounds: int = 1,
        refiner_checkpoint: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(backbone=backbone, head=head, **options)
        if rounds < 1:
            raise ValueError(f'rounds={rounds}; give 1 or more.')
        self.refiner = MODELS.build(refiner)
        if not isinstance(self.refiner, KeypointDenoiser):
            raise ValueError(
                f'the refiner is a {type(self.refiner).__name__}; give the '
                'model of a denoiser config, an rcn_mmpose.KeypointDenoiser.'
            )
        ours, its = self.head.out_channels, self.refiner.num_keypoints
        if ours != its:
            raise ValueError(
                f'the network predicts {ours} keypoints, the refiner {its}; '
                'take two that were trained on the same ones.'
            )
        ours, its = map_size(self.head), self.refiner.map_size
        if ours and its and ours != its:
            raise ValueError(
                f'the network has maps of {as_text(ours)} cells, the refiner '
                f'of {as_text(its)}; take two that were trained on crops of '
                'the same size, and give both decoders that input_size.'
            )
        self.rounds = rounds
        self.refiner_checkpoint = refiner_checkpoint
        self.register_load_state_dict_pre_hook(JointEstimator._complete)

    def loss(self, inputs: Tensor, data_samples: list[PoseDataSample]) -> NoReturn:
        """Raise an error: network and denoiser are trained separately."""
        raise NotImplementedError(
            'the joint model is not trained: train the network and the '
            'denoiser each by its own config (such as configs/rcn_300w.py and '
            'configs/denoiser_300w.py), then test them together.'
        )

    def predict(
        self, inputs: Tensor, data_samples: list[PoseDataSample]
    ) -> list[PoseDataSample]:
        """Predict keypoints from the joint score maps.

        Args:
            inputs (Tensor): Normalised crops of shape (B, C, H, W).
            data_samples (list[PoseDataSample]): The samples.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``.
        """
        maps: Any = (self._forward(inputs),)
        if self.test_cfg.get('flip_test', False):
            maps = [maps, (self._forward(inputs.flip(-1)),)]
        # a copy of the head whose convolution is skipped: the maps are final
        head = copy(self.head)
        head.forward = lambda maps: maps[-1]
        preds = head.predict(maps, data_samples, test_cfg=self.test_cfg)
        fields = None
        if isinstance(preds, tuple):
            preds, fields = preds
        return self.add_pred_to_datasample(preds, fields, data_samples)

    def _forward(
        self, inputs: Tensor, data_samples: list[PoseDataSample] | None = None
    ) -> Tensor:
        """Compute the joint score maps.

        Args:
            inputs (Tensor): Normalised crops of shape (B, C, H, W).
            data_samples (list[PoseDataSample], optional): Not used.

        Returns:
            Tensor: Score maps (before the softmax) of shape (B, K, H, W).
        """
        scores = joint = super()._forward(inputs)
        for _ in range(self.rounds):
            joint = scores + self.denoise(joint)
        return joint

    def denoise(self, scores: Tensor) -> Tensor:
        """Compute the denoiser's score maps for the best cells of score maps.

        Args:
            scores (Tensor): Score maps (before the softmax) of shape
                (B, K, H, W).

        Returns:
            Tensor: Score maps of the denoiser, of the same shape.
        """
        height, width = scores.shape[-2:]
        x, y = best_cells(probability_maps(scores)).unbind(-1)
        return self.refiner(one_hot_maps(y * width + x, (height, width)), None)

    def complete_state_dict(self, state_dict: dict) -> dict:
        """Add the denoiser's weights to the weights of a network.

        Args:
            state_dict (dict): Weights of the network or of the joint model.

        Returns:
            dict: Weights of the joint model.

        Raises:
            ValueError: If ``state_dict`` has no denoiser and
                ``refiner_checkpoint`` is not set, or if the weights in that
                file do not match.
            FileNotFoundError: If that file does not exist.
        """
        if any(name.startswith(REFINER) for name in state_dict):
            return state_dict
        path = self.refiner_checkpoint
        if path is None:
            raise ValueError(
                'the checkpoint holds a network without a denoiser; name that '
                "one's checkpoint by model.refiner_checkpoint, or give a "
                'checkpoint of the joint model.'
            )
        if '://' not in path and not osp.isfile(path):
            raise FileNotFoundError(
                f'refiner_checkpoint {path!r} does not exist; training '
                'writes them to work_dirs/<config name>/.'
            )
        found, _ = fetch_checkpoint(path)
        wanted = {k: v.shape for k, v in self.refiner.state_dict().items()}
        wrong = sorted(
            name
            for name in found.keys() | wanted.keys()
            if name not in found or found[name].shape != wanted.get(name)
        )
        if wrong:
            raise ValueError(
                f'refiner_checkpoint {path!r} does not fit model.refiner: '
                f'{len(wrong)} weights differ, such as {wrong[0]}. Give the '
                'refiner the model it was trained with.'
            )
        added = {f'{REFINER}{name}': value for name, value in found.items()}
        return {**state_dict, **added}

    def _complete(self, state_dict: dict, prefix: str, *arguments: Any) -> None:
        """Complete the weights that are about to be loaded."""
        ours = {
            name[len(prefix) :]: value
            for name, value in state_dict.items()
            if name.startswith(prefix)
        }
        for name, value in self.complete_state_dict(ours).items():
            state_dict[prefix + name] = value
