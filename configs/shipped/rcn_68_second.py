r"""The second training of the model "rcn-68".

    python tools/train.py configs/shipped/rcn_68_second.py --amp \
        --device-data --cfg-options load_from=FIRST.pth

It starts from the best weights of rcn_68_first.py and has fewer occlusions and
less scaling, because the first training underfits.
"""

_base_ = ['rcn_68_first.py']

train_pipeline = _base_.train_pipeline
train_pipeline[3].update(scale=0.1)
train_pipeline[5].update(prob=0.25)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
