"""RCN+ on MTFL with beta = 100, as in the caption of the 2018 paper's Figure S3.

The text of the 2018 paper says beta = 1.
"""

_base_ = ['aflw_rcnplus_6.py']

model = dict(head=dict(loss=dict(beta=100.0)))
