"""The dataset of cached faces, and the sampler of seed, epoch and index."""

from __future__ import annotations

import hashlib
import json
import os
import os.path as osp
from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from mmpose.registry import DATASETS as MMPOSE_DATASETS
from torch.utils.data import Dataset

from ..datasets.transforms import CropFace
from ..registry import DATA_SAMPLERS, DATASETS
from .cache import VERSION, CachedFace, CropCache, ensure_cache

# The fields of a face on which its crop and keypoints depend.
SOURCES = (
    'bbox',
    'bbox_center',
    'bbox_scale',
    'keypoints',
    'keypoints_visible',
)


@DATASETS.register_module()
class CachedFaceDataset(Dataset):
    """The faces of another dataset as a cache of wide crops.

    The constructor makes the crops of all faces, or takes them from the cache in
    ``cache_dir`` if the cache is up to date: neither the images (their list, sizes
    and modification times) nor the annotations, the pipeline or the geometry have
    changed. An item is not an image: a batch names its faces, and
    ``rcn_mmpose.CropCachePreprocessor`` makes the images on the device.
    :func:`rcn_mmpose.device_data.switch.use_device_data` changes a config to this
    dataset.

    Args:
        dataset (dict): Config of the dataset, with a pipeline that loads the
            image and chooses the box, both deterministic.
        crop_size (int): Side of the crops in pixels.
        extent (float): Side of the crops in sides of the box. Pixels outside the
            image or the crop are black.
        cache_dir (str, optional): Folder of caches. Defaults to ``cache`` in
            the ``data_root`` of the dataset.
        lazy_init (bool): Whether to wait for ``full_init()``. Defaults to
            False.

    Raises:
        CacheNotWritableError: If the cache must be built and cannot.
        ValueError: If a face has no keypoints, or a labelled keypoint is not
            finite.
    """

    takes_epochs = True

    def __init__(
        self,
        dataset: dict,
        crop_size: int,
        extent: float,
        cache_dir: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        self.crop_size = crop_size
        self.extent = extent
        self.config = dataset
        self.source = MMPOSE_DATASETS.build(dict(dataset, lazy_init=True))
        root = self.source.data_root or osp.dirname(self.source.ann_file)
        self.cache_dir = cache_dir or osp.join(root, 'cache')
        self.cache: CropCache | None = None
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Open the cache, and build it if necessary."""
        if self.cache is not None:
            return
        self.source.full_init()
        infos = [self.source.get_data_info(i) for i in range(len(self.source))]
        settings = json.dumps(
            [self.config, self.crop_size, self.extent],
            sort_keys=True,
            default=str,
        )
        manifest: dict[str, Any] = dict(
            version=VERSION,
            faces=len(infos),
            crop_size=self.crop_size,
            extent=self.extent,
            settings=_digest(settings),
            images=_images(infos),
            annotations=_annotations(infos),
        )
        stem = osp.splitext(osp.basename(self.source.ann_file or 'faces'))[0]
        self.folder = osp.join(
            self.cache_dir, f'crops_{stem}_{manifest["settings"][:10]}'
        )
        self.cache = ensure_cache(
            self.folder, manifest, self._face, self.metainfo['flip_indices']
        )

    def _face(self, index: int) -> CachedFace:
        """Crop one face, wide and upright."""
        results = self.source.prepare_data(index)
        if results.get('keypoints') is None:
            raise ValueError(
                f'face in {results["img_path"]!r} has no keypoints; train on '
                'annotated faces.'
            )
        side = results['bbox_scale'].max() * self.extent
        results['bbox_scale'] = np.full((1, 2), side, np.float32)
        results = CropFace((self.crop_size,) * 2).transform(results)
        keypoints = results['transformed_keypoints'][0, :, :2]
        visible = results['keypoints_visible'][0]
        visible = visible.reshape(len(keypoints), -1)[:, 0]
        wrong = (visible > 0) & ~np.isfinite(keypoints).all(-1)
        if wrong.any():
            raise ValueError(
                f'face in {results["img_path"]!r}: keypoints '
                f'{np.flatnonzero(wrong).tolist()} are not finite; mark them '
                'with visibility 0 or correct them.'
            )
        return CachedFace(results['img'], keypoints, visible)

    @property
    def metainfo(self) -> dict:
        """A copy of the metainfo of the dataset."""
        return self.source.metainfo

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: tuple[int, int, int]) -> dict:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[tuple[int, int, int]]) -> list[dict]:
        """Name the faces of a batch; PyTorch's loader calls this once.

        Args:
            keys (Sequence): Seed, epoch and index of each face, from
                ``rcn_mmpose.EpochSampler``.

        Returns:
            list[dict]: One for the whole batch: ``crop_cache``, the cache's
            folder, and ``keys``, int64 of shape (B, 3).

        Raises:
            TypeError: If a key is an index alone.
        """
        array = np.array(keys, np.int64)
        if array.ndim != 2 or array.shape[1] != 3:
            raise TypeError(
                'CachedFaceDataset takes (seed, epoch, index), not an index '
                "alone; give the loader sampler=dict(type='rcn_mmpose."
                "EpochSampler', shuffle=True)."
            )
        return [dict(crop_cache=self.folder, keys=array)]


def _digest(text: str) -> str:
    """Hash a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _images(infos: list[dict]) -> str:
    """Hash the list of images, their sizes and modification times."""
    lines = []
    for path in dict.fromkeys(info['img_path'] for info in infos):
        try:
            found = os.stat(path)
        except OSError:  # decoding the image raises the clear error
            lines.append(f'{path} is missing')
        else:
            lines.append(f'{path} {found.st_size} {found.st_mtime_ns}')
    return _digest('\n'.join(lines))


def _annotations(infos: list[dict]) -> str:
    """Hash the fields on which crops and keypoints depend."""
    digest = hashlib.sha256()
    for info in infos:
        digest.update(info['img_path'].encode())
        for key in SOURCES:
            if info.get(key) is not None:
                digest.update(key.encode())
                digest.update(np.asarray(info[key], np.float64).tobytes())
    return digest.hexdigest()


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's sampler, with the seed and the epoch beside each index.

    The augmentation of the datasets of this project then depends only on these
    three numbers, not on workers or earlier draws. MMEngine's
    ``DistSamplerSeedHook`` sets the epoch. Arguments and order are those of
    ``DefaultSampler``.

    Raises:
        ValueError: If the dataset takes indices only.
    """

    def __init__(self, dataset: Sized, *args: Any, **kwargs: Any) -> None:
        if not getattr(dataset, 'takes_epochs', False):
            raise ValueError(
                f'{type(dataset).__name__} takes indices only, and '
                'rcn_mmpose.EpochSampler gives (seed, epoch, index); set '
                "train_dataloader.sampler.type to 'DefaultSampler'."
            )
        super().__init__(dataset, *args, **kwargs)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield (seed, epoch, index)."""
        seed, epoch = self.seed, self.epoch
        return iter([(seed, epoch, index) for index in super().__iter__()])
