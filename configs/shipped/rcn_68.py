r"""The shipped model "rcn-68": RCN on 300W, 68 keypoints, for any photograph.

    python tools/train.py configs/shipped/rcn_68.py --amp --device-data \
        --cfg-options load_from=SECOND.pth

This is the third training; it starts from the best weights of rcn_68_second.py.

300W's labels have a bias to the right of 0.39 % of the box's side, a third of a
pixel of the crop (tools/analysis_tools/mirror_bias.py, on training faces). From
this training on, the labels of mirrored faces get the same bias; otherwise the
network would learn the mean of both.

Keypoints are decoded from a window of 17 cells: 4.51 % on the validation faces
(pixels), against 4.58 % with 5 cells. Along the contour the best cell is
uncertain, but the score map shows on which side of it the keypoint lies.
"""

_base_ = ['rcn_68_second.py']

model = dict(head=dict(decoder=dict(window=17)))

train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(type='rcn_mmpose.FlipFace', label_bias=0.0039)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

max_epochs = 45
train_cfg = dict(max_epochs=max_epochs)
_base_.param_scheduler[1].end = max_epochs
