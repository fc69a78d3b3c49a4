#pragma once
// The passes of conv2d with channels in the lanes, each in a file of its own; conv2d.cpp gathers
// them in a table.

#include "ops/conv2d.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

// conv2d_forward.cpp
void conv2d_forward(Team& team, const Conv2dGeometry& g, ConstChannelView x, const float* kernel,
                    const float* bias, bool relu_after, ChannelView y);
// conv2d_pool.cpp
void conv2d_forward_pool(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                         const float* kernel, const float* bias, bool relu_after, ChannelView y,
                         ChannelCodes code);
// conv2d_pool_pixels.cpp: the same where pixels in the lanes fill more of them than channels
void conv2d_forward_pool_pixels(const Team& team, const Conv2dGeometry& g, ConstChannelView x,
                                const float* kernel, const float* bias, bool relu_after,
                                ChannelView y, ChannelCodes code);
bool pixels_fill_more(const Conv2dGeometry& g, const ConstChannelView& x);
// conv2d_backward_input.cpp
void conv2d_backward_input(Team& team, const Conv2dGeometry& g, ConstChannelView dz,
                           const float* kernel, float* scratch, ConstChannelView base,
                           ChannelView dx);
std::int64_t conv2d_backward_input_scratch(const Conv2dGeometry& g, int images);
// conv2d_backward_params.cpp
void conv2d_backward_params(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                            ConstChannelView dz, bool accumulate, float* scratch, float* dkernel,
                            float* dbias);
std::int64_t conv2d_backward_params_scratch(const Conv2dGeometry& g, int images);
// conv2d_pool_backward_input.cpp
void conv2d_pool_backward_input(Team& team, const Conv2dGeometry& g, ConstChannelView dy,
                                ConstChannelCodes code, const float* kernel, float* scratch,
                                ChannelView dx);
std::int64_t conv2d_pool_backward_input_scratch(const Conv2dGeometry& g, int images);
// conv2d_pool_backward_params.cpp
void conv2d_pool_backward_params(Team& team, const Conv2dGeometry& g, ConstChannelView x,
                                 ConstChannelView dy, ConstChannelCodes code, bool accumulate,
                                 float* scratch, float* dkernel, float* dbias);
std::int64_t conv2d_pool_backward_params_scratch(const Conv2dGeometry& g, int images);

}  // namespace pycnn::cpu::PYCNN_ISA::channels
