#pragma once
// The passes of conv2d, each in a file of its own; conv2d.cpp gathers them in a table.

#include "ops/conv2d.h"

namespace pycnn::cpu::PYCNN_ISA {

// conv2d_forward.cpp
void conv2d_forward(const Conv2dGeometry& g, ConstView x, const float* kernel, const float* bias,
                    bool relu_after, View y);
// conv2d_pool.cpp
void conv2d_forward_pool(const Conv2dGeometry& g, ConstView x, const float* kernel,
                         const float* bias, bool relu_after, View y, std::uint8_t* code);
// conv2d_pool_winograd.cpp: the same; `scratch` as in cpu/conv2d_winograd_scratch.h
void conv2d_forward_pool_winograd(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                  const float* bias, bool relu_after, float* scratch, View y,
                                  std::uint8_t* code);
// conv2d_pool_winograd_single.cpp: what it does for one input channel
void conv2d_forward_pool_winograd_single(const Conv2dGeometry& g, ConstView x, const float* kernel,
                                         const float* bias, bool relu_after, float* scratch, View y,
                                         std::uint8_t* code);
// conv2d_pool.cpp
void conv2d_backward_pool(ConstView dy, const std::uint8_t* code, View dz);
// conv2d_pool_backward_params.cpp
void conv2d_pool_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                                 const std::uint8_t* code, bool accumulate, float* scratch,
                                 float* dkernel, float* dbias);
// conv2d_pool_rows.cpp: `scratch` of its own, see cpu/conv2d_columns.h
void conv2d_pool_rows_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                             const std::uint8_t* code, bool accumulate, float* scratch,
                             float* dkernel, float* dbias);
// conv2d_pool_select.cpp
void conv2d_pool_select_params(const Conv2dGeometry& g, ConstView x, ConstView dy,
                               const std::uint8_t* code, bool accumulate, float* dkernel,
                               float* dbias);
// conv2d_pool_backward_input.cpp
void conv2d_pool_backward_input(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                                const float* kernel, float* scratch, View dx);
// conv2d_pool_windows.cpp: to the images in the scratch of the pass before
void conv2d_pool_add_windows(const Conv2dGeometry& g, ConstView dy, const std::uint8_t* code,
                             const float* kernel, float* scratch);
// conv2d_backward_input.cpp
void conv2d_backward_input(const Conv2dGeometry& g, ConstView dz, const float* kernel, View dx);
// conv2d_backward_params.cpp
void conv2d_backward_params(const Conv2dGeometry& g, ConstView x, ConstView dz, bool accumulate,
                            float* dkernel, float* dbias);

}  // namespace pycnn::cpu::PYCNN_ISA
