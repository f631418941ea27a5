"""RCN+ on 300W with the labels of 5 % of the training faces.

Paper: 15.36 % on IBUG, 7.26 % on the full set. The other faces stay in the
dataset without labels, so an epoch is as long as with the unsupervised loss.
"""

_base_ = ['300w_rcnplus_5.py']

train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='rcn_mmpose.WithholdLabels', kept=0.05),
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
