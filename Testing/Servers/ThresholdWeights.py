"""Weights for a real TotalSegmentator that make its fast model a threshold: what it finds can be judged by hand.

Run by the Python of `make inference`: ``python ThresholdWeights.py FOLDER``. The true weights cannot be had everywhere,
and would prove no more of the way to the program and back.
"""

import json
import sys
from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from totalsegmentator.map_to_binary import class_map

# As TotalSegmentator names what its fast model was trained with.
DATASET, TRAINER = "Dataset297_TotalSegmentator_total_3mm_1559subj", "nnUNetTrainer_4000epochs_NoMirroring"
BONE_HU, AIR_HU = 300.0, -500.0
BONE, AIR = "skull", "trachea"
NETWORK = {
    "n_stages": 2,
    "features_per_stage": [2, 2],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[1, 1, 1], [1, 1, 1]],
    "strides": [[1, 1, 1], [2, 2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
    "norm_op": None,
    "norm_op_kwargs": None,
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}


def weights(labels):
    """State of a network whose first channel is bone's HU above its threshold, and whose second is air's below."""
    kwargs = {**NETWORK, "conv_op": torch.nn.Conv3d, "nonlin": torch.nn.LeakyReLU}
    network = PlainConvUNet(input_channels=1, num_classes=len(labels), deep_supervision=True, **kwargs)
    state = network.state_dict()
    for value in state.values():
        value.zero_()
    for name, value in state.items():
        if name.startswith("encoder.stages.0") and name.endswith("weight"):
            value[0, 0], value[1, 0] = 0.001, -0.001
        elif name.startswith("encoder.stages.0") and name.endswith("bias"):
            value[:] = torch.tensor([-BONE_HU / 1000, AIR_HU / 1000])
        elif name.startswith("decoder.stages.0") and name.endswith("weight"):
            # The skipped channels come after the two from below.
            value[0, 2], value[1, 3] = 1.0, 1.0
        elif name.startswith("decoder.seg_layers") and name.endswith("weight"):
            value[labels[BONE], 0] = value[labels[AIR], 1] = 1.0
        elif name.startswith("decoder.seg_layers") and name.endswith("bias"):
            value[:] = -1000.0
            value[[0, labels[BONE], labels[AIR]]] = 0.0
    return state


def plans():
    resample = {"resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_data_kwargs": RESAMPLING}
    resample |= {"resampling_fn_seg": "resample_data_or_seg_to_shape",
                 "resampling_fn_seg_kwargs": {**RESAMPLING, "is_seg": True},
                 "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                 "resampling_fn_probabilities_kwargs": RESAMPLING}  # fmt: skip
    configuration = {
        "data_identifier": "threshold", "preprocessor_name": "DefaultPreprocessor", "batch_size": 1,
        "patch_size": [32, 32, 32], "spacing": [3.0, 3.0, 3.0], "batch_dice": False,
        "median_image_size_in_voxels": [32.0, 32.0, 32.0],
        "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False], **resample,
        "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                         "arch_kwargs": NETWORK,
                         "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]},
    }  # fmt: skip
    # Without clipping and with mean 0 and deviation 1 the network sees HU.
    intensities = {"max": 4000.0, "mean": 0.0, "median": 0.0, "min": -2000.0, "percentile_00_5": -2000.0,
                   "percentile_99_5": 4000.0, "std": 1.0}  # fmt: skip
    return {
        "dataset_name": "threshold", "plans_name": "nnUNetPlans", "image_reader_writer": "NibabelIOWithReorient",
        "original_median_spacing_after_transp": [3.0, 3.0, 3.0], "original_median_shape_after_transp": [32, 32, 32],
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "label_manager": "LabelManager",
        "experiment_planner_used": "ExperimentPlanner", "configurations": {"3d_fullres": configuration},
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }  # fmt: skip


def main(folder):
    place = Path(folder) / DATASET / f"{TRAINER}__nnUNetPlans__3d_fullres"
    (place / "fold_0").mkdir(parents=True)
    labels = {"background": 0, **{label: value for value, label in class_map["total"].items()}}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz"}
    (place / "dataset.json").write_text(json.dumps(dataset))
    (place / "plans.json").write_text(json.dumps(plans()))
    torch.save(
        {
            "network_weights": weights(labels),
            "trainer_name": TRAINER,
            "init_args": {"configuration": "3d_fullres"},
            "inference_allowed_mirroring_axes": None,
        },
        place / "fold_0" / "checkpoint_final.pth",
    )


if __name__ == "__main__":
    main(sys.argv[1])
