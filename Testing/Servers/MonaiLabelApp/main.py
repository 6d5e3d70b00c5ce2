"""An app for a real MONAI Label server: models that threshold HU, so that what comes back can be judged."""

import time
from pathlib import Path

import torch
from monai.transforms import LoadImage
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.transform.writer import Writer

BONE_HU, AIR_HU = 300, -500


class Threshold(InferTask):
    """Bone is 1, air is 2. ``weights``: a file that stands for a model's weights."""

    def __init__(self, description, labels, weights=None, seconds=0.0, shiftMm=0.0, slices=0, fails=False):
        super().__init__(InferType.SEGMENTATION, labels, 3, description)
        self._weights, self._seconds, self._shiftMm, self._slices = weights, seconds, shiftMm, slices
        self._fails = fails

    def is_valid(self):
        return True

    def get_path(self, validate=True):
        return self._weights

    def __call__(self, request):
        time.sleep(self._seconds)
        if self._fails:
            raise RuntimeError("this model always fails")
        image = LoadImage(image_only=True)(request["image"])
        labels = torch.zeros_like(image)
        labels[image >= BONE_HU] = 1
        labels[image <= AIR_HU] = 2
        if self._slices:
            labels = labels[..., : -self._slices]
        labels.affine[0, 3] += self._shiftMm
        return Writer(label="pred")({**request, "pred": labels, "image_path": request["image"]})[0], {
            "label_names": self.labels
        }


class App(MONAILabelApp):
    """What the tests ask for by name."""

    def __init__(self, app_dir, studies, conf):
        self._weights = str(Path(app_dir) / "model" / "threshold.pt")
        Path(self._weights).parent.mkdir(exist_ok=True)
        Path(self._weights).write_bytes(b"three hundred")
        super().__init__(app_dir, studies, conf, name="Thresholds", description="For tests", version="3.1")

    def init_infers(self):
        if self.conf.get("models") == "none":
            return {}
        both = {"skull": 1, "air": 2}
        return {
            "threshold": Threshold("Bone and air", both, weights=self._weights),
            "listed": Threshold("Labels as a list", ["skull", "air"]),
            "shifted": Threshold("On a grid beside the image's", both, shiftMm=1.0),
            "shorter": Threshold("Fewer slices than the image", both, slices=1),
            "slow": Threshold("Takes its time", both, seconds=8.0),
            "failing": Threshold("Fails", both, fails=True),
        }

    def init_batch_infer(self):
        return None
