"""300W's keypoints without images; 35 of 68 are moved to random cells.

The crops have the jitter of w300.py. Validation and test are deterministic:
they always move the same keypoints to the same cells. Errors are computed over
the moved keypoints only.
"""

_base_ = ['w300.py']

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), outside='mask')
train_pipeline = [
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropKeypoints', input_size=codec['input_size']),
    dict(type='rcn_mmpose.CorruptKeypoints', count=35, encoder=codec),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.CropKeypoints', input_size=codec['input_size']),
    dict(type='rcn_mmpose.CorruptKeypoints', count=35, seed=0, encoder=codec),
    dict(type='PackPoseInputs'),
]
# No normaliser by the box, which would depend on the moved keypoints.
normalisers = ['eye_centres', 'outer_corners']

train_dataloader = dict(dataset=dict(data_prefix=dict(img=''), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_prefix=dict(img=''), pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(data_prefix=dict(img=''), pipeline=val_pipeline))
val_evaluator = dict(type='rcn_mmpose.FaceNME', normalisers=normalisers)
test_evaluator = dict(type='rcn_mmpose.FaceNME', normalisers=normalisers)
