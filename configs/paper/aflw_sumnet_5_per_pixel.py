"""SumNet with 5 branches and one weight a position, as eq. 1 has it.

The paper's numbers come from one weight a branch and keypoint.
"""

_base_ = ['aflw_sumnet_5.py']

model = dict(head=dict(weight_per_pixel=True, map_size=(80, 80)))
