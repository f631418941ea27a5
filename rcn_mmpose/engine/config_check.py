"""Find misspelt keys of a config before a run starts."""

import difflib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import mmpose.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

# Packages whose classes are checked. Classes of other packages may accept any key.
PACKAGES = ('rcn_mmpose', 'mmpose', 'mmengine', 'torch.optim')
# Keys that MMEngine removes before it calls the class.
CONSUMED = {
    'type',
    '_scope_',
    '_delete_',
    'priority',
    'convert_to_iter_based',
    'constructor',
    'paramwise_cfg',
    'loss_scale',
}
LOADER_KEYS = {'num_batch_per_epoch', 'dataset', 'collate_fn', 'sampler'}


def check_config(cfg: Config) -> None:
    """Raise an error for the first misspelt key.

    The function checks the keys of every dict whose ``type`` names a class of
    this package, MMEngine, MMPose or PyTorch's optimisers, the keys of the data
    loaders, and top-level keys that resemble an argument of the runner.

    Args:
        cfg (Config): Config of an experiment.

    Raises:
        ValueError: For a misspelt key. The error names the key, its place in the
            config and the most similar allowed key.
    """
    runner_keys = set(inspect.signature(Runner).parameters)
    for key in cfg:
        if key not in runner_keys:
            near = difflib.get_close_matches(key, runner_keys, 1, 0.85)
            if near:
                raise _misspelt(key, 'the config', near, runner_keys)
    for where, node in _dicts(cfg.to_dict(), ''):
        if where.endswith('_dataloader'):
            allowed: set[str] | None = LOADER_KEYS.union(
                inspect.signature(DataLoader).parameters
            )
            owner = where
        else:
            owner = f'{where or "the config"}, a {node.get("type")}'
            allowed = _arguments(node.get('type'))
        if allowed is None:
            continue
        for key in node:
            if key not in allowed and key not in CONSUMED:
                near = difflib.get_close_matches(key, allowed, 1, 0.6)
                raise _misspelt(key, owner, near, allowed)


def _misspelt(key: str, owner: str, near: list[str], allowed: set[str]) -> ValueError:
    """Create the error for an unknown key."""
    if near:
        cure = f'did you mean {near[0]!r}?'
    else:
        cure = f'allowed are {", ".join(sorted(allowed))}.'
    return ValueError(f'unknown key {key!r} in {owner}: {cure}')


def _dicts(node: Any, where: str) -> Iterator[tuple[str, dict]]:
    """Yield the dotted path and the content of each dict in a config."""
    if isinstance(node, dict):
        yield where, node
        children: Iterable[tuple[Any, Any]] = node.items()
    elif isinstance(node, (list, tuple)):
        children = enumerate(node)
    else:
        return
    for key, child in children:
        yield from _dicts(child, f'{where}.{key}' if where else str(key))


def _arguments(name: Any) -> set[str] | None:
    """Collect the arguments of a registered class.

    Returns:
        set[str] | None: None if no checked class has this name, or if the class
        accepts any keyword.
    """
    if not isinstance(name, str):
        return None
    allowed: set[str] = set()
    for registry in vars(mmpose.registry).values():
        if not isinstance(registry, Registry):
            continue
        found = registry.get(name)
        if found is None:
            continue
        if not inspect.isclass(found) or not found.__module__.startswith(PACKAGES):
            return None
        for base in found.__mro__:
            if '__init__' not in vars(base):
                continue
            parameters = inspect.signature(vars(base)['__init__']).parameters
            allowed.update(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
        else:
            return None
        if base is object:
            return None
    return allowed or None
