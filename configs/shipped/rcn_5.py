r"""The model "rcn-5": RCN on MTFL, for pictures as they come.

A second training, which begins with the weights of a first one:

    python tools/reproduce.py table2 --rows aflw_rcn_6 --epochs 60 \
        --recipe configs/_base_/adamw_30_epochs.py --amp --device-data
    python tools/train.py configs/shipped/rcn_5.py --amp --device-data \
        --cfg-options load_from=FIRST.pth

It turns faces by up to 20 degrees and occludes three of ten. The four cells
around a keypoint are its target. Faces are not mirrored: the labels of MTFL
lie some pixel to the right of what they mean, those of a mirrored face to the
left. A training with mirrored faces, and turns of up to 30 degrees, stood at
3.85 % (validation, pixels) after 12 epochs, this one at 2.95 %.
"""

_base_ = ['../rcn_aflw.py']

codec = dict(type='rcn_mmpose.CellIndex', input_size=(80, 80), target='four')
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='rcn_mmpose.LoadGreyImage'),
    dict(type='rcn_mmpose.FaceBox', rule='given'),
    dict(type='rcn_mmpose.UniformJitter', shift=0.1, scale=0.1, rotation=20),
    dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    dict(type='rcn_mmpose.RandomOcclusion', sides=(0.25, 0.625), prob=0.3),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
