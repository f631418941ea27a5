"""rcn_300w.py tested with a black rectangle over each face.

The rectangles are those of the paper's training on AFLW (footnote 9), the
same for each face at every time. Not trained: rcn_300w.py is.
"""

_base_ = ['rcn_300w.py']

test_pipeline = [
    *_base_.val_pipeline[:-1],
    dict(type='rcn_mmpose.RandomOcclusion', sides=(20 / 80, 50 / 80), seed=0),
    _base_.val_pipeline[-1],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
