#include "ops/dense.h"

#include "ops/cpu/channels/dense_passes.h"

namespace pycnn::cpu::PYCNN_ISA {
extern const DenseChannelKernels dense_channel_kernels;
const DenseChannelKernels dense_channel_kernels{
    channels::dense_forward, channels::dense_forward_scratch, channels::dense_backward_input,
    channels::dense_backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
