"""RCN+ on MTFL with beta = 100, as the caption of its Figure S3 has it.

The text of that paper says beta = 1.
"""

_base_ = ['aflw_rcnplus_6.py']

model = dict(head=dict(loss=dict(beta=100.0)))
