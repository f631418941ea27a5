"""The program that test_device_data/test_switch.py runs in each of two processes.

Usage under a launcher: python one_rank_with_cache.py DATA_ROOT FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mmengine.dist import get_rank
from one_rank import read_config

from rcn_mmpose.device_data import cache as crop_cache
from rcn_mmpose.device_data.switch import use_device_data
from rcn_mmpose.engine.distributed import entry_point, init_distributed


@entry_point
def main() -> None:
    data, folder = sys.argv[1], Path(sys.argv[2])
    built = []
    build = crop_cache._build

    def noted(*arguments: object) -> None:
        built.append(str(arguments[0]))
        build(*arguments)

    crop_cache._build = noted
    cfg = read_config(data, 'pytorch')
    init_distributed(cfg)
    rank = get_rank()
    together = use_device_data(cfg, str(folder / 'shared'))
    # Rank 1 cannot create its folder, because a file has the same name.
    (folder / 'full_1').write_text('')
    other = read_config(data, 'pytorch')
    alone = use_device_data(other, str(folder / f'full_{rank}' / 'cache'))
    found = dict(
        together=together,
        built=len(built),
        alone=alone,
        kind=other.train_dataloader.dataset.type,
    )
    (folder / f'rank_{rank}.json').write_text(json.dumps(found))


if __name__ == '__main__':
    main()
