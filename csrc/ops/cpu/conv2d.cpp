#include "ops/conv2d.h"

#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/simd.h"

// y[i, j, o] = b[o] + sum over a, b, c of x[i*s_h + a*d_h - pad, j*s_w + b*d_w - pad, c] *
//              w[a, b, c, o]
// and its two gradients. Every pass keeps a tile of sums in registers while it walks the kernel
// (conv2d_forward.cpp, conv2d_backward_input.cpp) or the positions (conv2d_backward_params.cpp).
// Weights are scalars that are broadcast to the lanes. With 2x2 max pooling fused: conv2d_pool.cpp,
// with fewer multiplications conv2d_pool_winograd.cpp; and from the pooled gradient alone
// conv2d_pool_backward_input.cpp, conv2d_pool_backward_params.cpp or, for short kernel rows,
// conv2d_pool_rows.cpp and conv2d_pool_select.cpp.
namespace pycnn::cpu::PYCNN_ISA {

extern const Conv2dKernels conv2d_kernels;
const Conv2dKernels conv2d_kernels{
    conv2d_forward,          conv2d_forward_pool,        conv2d_forward_pool_winograd,
    conv2d_backward_pool,    conv2d_pool_backward_input, conv2d_pool_backward_params,
    conv2d_pool_rows_params, conv2d_pool_select_params,  W == kLanes,
    conv2d_backward_input,   conv2d_backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
