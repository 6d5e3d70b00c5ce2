"""The Qt pieces that the suite's modules share: the case header, the step bar, running a step with progress."""
