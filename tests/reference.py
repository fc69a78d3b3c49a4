# ruff: noqa: F403 (whoever adds an op names it in one place)
"""Every op, forward and backward, as naive NumPy in float64: what the native core is held against.

The functions carry the names and arguments of `pycnn.ops`. Loops run over the positions of a kernel
or window, so each line can be read beside its formula. Images are NHWC, kernels (height, width, in,
out), dense weights (in, out). One file of `references` for each subject; this one gathers them.
"""

from references.activation import *
from references.arrays import *
from references.augmentation import *
from references.convolution import *
from references.core import *
from references.local_response import *
from references.losses import *
from references.merge import *
from references.normalization import *
from references.optimizers import *
from references.pooling import *
from references.regularization import *
from references.reshaping import *
from references.windows import *
