r"""The compact joint model on 300W: RCN and the compact denoiser.

It has no 45x45 kernels; otherwise it equals joint_300w.py.

    python tools/test.py configs/joint_compact_300w.py RCN.pth \
        --cfg-options model.refiner_checkpoint=DENOISER_COMPACT.pth
"""

_base_ = ['joint_300w.py', '_base_/denoiser_compact.py']

model = dict(refiner={{_base_.compact}})
