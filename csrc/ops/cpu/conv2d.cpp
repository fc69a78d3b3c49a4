#include "ops/conv2d.h"

#include "ops/cpu/conv2d_passes.h"

// Every pass keeps a tile of sums in registers while it walks the kernel (forward, backward_input)
// or the positions (backward_params). Weights are scalars that are broadcast to the lanes.
namespace pycnn::cpu::PYCNN_ISA {

extern const Conv2dKernels conv2d_kernels;
const Conv2dKernels conv2d_kernels{conv2d_forward,
                                   conv2d_forward_pool,
                                   conv2d_forward_pool_winograd,
                                   conv2d_backward_pool,
                                   conv2d_pool_backward_input,
                                   conv2d_pool_backward_params,
                                   conv2d_pool_select_params,
                                   conv2d_backward_input,
                                   conv2d_backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
