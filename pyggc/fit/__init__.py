"""Images to Gaussians: initialization, losses, gradients, optimizers, density, quantization-aware steps."""

from pyggc.fit.batch import fit_batch
from pyggc.fit.fitter import Fitter
from pyggc.fit.gradients import Gradients, render_backward
from pyggc.fit.losses import FRAMEWORK_LOSS, LossWeights
from pyggc.fit.progress import FitProgress, FitResult
from pyggc.fit.whole import fit
from pyggc.fit.windows import WindowedFitter

__all__ = [
    "FRAMEWORK_LOSS",
    "FitProgress",
    "FitResult",
    "Fitter",
    "Gradients",
    "LossWeights",
    "WindowedFitter",
    "fit",
    "fit_batch",
    "render_backward",
]
