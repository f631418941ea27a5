"""300W, 68 keypoints: 9 of 10 training faces for training, 1 for validation.

Annotation files: python tools/dataset_converters/w300_to_coco.py data/300w
"""

_base_ = ['faces.py']

dataset_type = 'rcn_mmpose.W300Dataset'
images = dict(img='300w/')

# The 68 keypoints fill the crop. Keypoints that the jitter moves out of the
# crop are masked in the loss.
codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), outside='mask')
# No occlusion, as in the paper (footnote 12).
train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=40),
    dict(type='rcn_mmpose.CropFace', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/300w_train.json',
        data_prefix=images,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/300w_val.json',
        data_prefix=images,
    ),
)
test_dataloader = dict(
    batch_size=32,
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/300w_test.json',
        data_prefix=images,
    ),
)
