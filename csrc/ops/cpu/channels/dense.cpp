#include "ops/dense.h"

#include "ops/cpu/channels/dense_passes.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

std::int64_t no_scratch(DenseGeometry, int) { return 0; }

}  // namespace

extern const DenseChannelKernels dense_channel_kernels;
const DenseChannelKernels dense_channel_kernels{
    channels::dense_forward,         channels::dense_forward_scratch,
    channels::dense_backward_input,  no_scratch,
    channels::dense_backward_params, no_scratch};

}  // namespace pycnn::cpu::PYCNN_ISA
