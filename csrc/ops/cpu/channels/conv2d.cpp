#include "ops/conv2d.h"

#include "ops/cpu/channels/conv2d_passes.h"
#include "ops/cpu/simd.h"

// Every pass keeps a tile of sums in registers: pixels x vectors of output lanes where it walks the
// kernel (forward, backward_input), weights x vectors of output channels where it walks the
// positions (backward_params). The other operand is a scalar that is broadcast. All three go by
// Winograd's filtering where winograd::suits.
namespace pycnn::cpu::PYCNN_ISA {

extern const Conv2dChannelKernels conv2d_channel_kernels;
const Conv2dChannelKernels conv2d_channel_kernels{
    channels::conv2d_forward,
    channels::conv2d_forward_pool,
    channels::conv2d_backward_input,
    channels::conv2d_backward_input_scratch,
    channels::conv2d_backward_params,
    channels::conv2d_backward_params_scratch,
    channels::conv2d_pool_backward_input,
    channels::conv2d_pool_backward_input_scratch,
    channels::conv2d_pool_backward_params,
    channels::conv2d_pool_backward_params_scratch,
};

}  // namespace pycnn::cpu::PYCNN_ISA
