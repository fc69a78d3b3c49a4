#include "ops/conv2d.h"

#include "ops/cpu/conv2d_passes.h"
#include "ops/cpu/simd.h"

// With rows r = i*s_h + a*d_h - pad_top and columns t = j*s_w + b*d_w - pad_left of the input:
//   y[i, j, o]     = b[o] + sum over a, b, c of x[r, t, c] * w[a, b, c, o]
//   dw[a, b, c, o] = sum over images, i, j of x[r, t, c] * dy[i, j, o], db[o] of dy[i, j, o]
//   dx[r, t, c]    = sum over the i, j, a, b that lead there, and o, of dy[i, j, o] * w[a, b, c, o]
// With groups c and o are those of one group. Every pass keeps a tile of sums in registers
// (conv2d_tile.h) while it walks the kernel (conv2d_forward.cpp with conv2d_sum.h,
// conv2d_backward_input.cpp) or the positions (conv2d_backward_params.cpp). Weights are scalars
// that are broadcast to the lanes.
//
// With 2x2 max pooling fused: conv2d_pool.cpp, with fewer multiplications conv2d_pool_winograd.cpp
// (one input channel: conv2d_pool_winograd_single.cpp); and from the pooled gradient alone
// conv2d_pool_backward_input.cpp with conv2d_pool_windows.cpp, conv2d_pool_backward_params.cpp or,
// for short kernel rows, conv2d_pool_rows.cpp and conv2d_pool_select.cpp.
//
// All this has the images in the lanes; with the channels there it is channels/conv2d.cpp.
namespace pycnn::cpu::PYCNN_ISA {

// By rows a kernel row fills few of 16 lanes.
constexpr bool kSelectsShortRuns = W == kLanes;

extern const Conv2dKernels conv2d_kernels;
const Conv2dKernels conv2d_kernels{
    conv2d_forward,          conv2d_forward_pool,        conv2d_forward_pool_winograd,
    conv2d_backward_pool,    conv2d_pool_backward_input, conv2d_pool_backward_params,
    conv2d_pool_rows_params, conv2d_pool_select_params,  kSelectsShortRuns,
    conv2d_backward_input,   conv2d_backward_params};

}  // namespace pycnn::cpu::PYCNN_ISA
