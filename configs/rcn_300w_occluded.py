"""The RCN of rcn_300w.py, tested with a black rectangle on each face.

The rectangles have the sizes of the paper's training on AFLW (footnote 9).
They are deterministic: a face always gets the same rectangle. This config is
not trained; test it with a checkpoint of rcn_300w.py.
"""

_base_ = ['rcn_300w.py']

test_pipeline = [
    *_base_.val_pipeline[:-1],
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80), seed=0),
    _base_.val_pipeline[-1],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
