#pragma once
// The passes of a dense layer, each in a file of its own; dense.cpp puts them into a table.

#include "ops/dense.h"

namespace pycnn::cpu::PYCNN_ISA::channels {

void dense_forward(Team& team, DenseGeometry g, ConstChannelView x, const float* kernel,
                   const float* bias, bool relu, float* scratch, ChannelView y);
std::int64_t dense_forward_scratch(DenseGeometry g, int images);

void dense_backward_input(Team& team, DenseGeometry g, ConstChannelView dz, const float* kernel,
                          ChannelView dx);

void dense_backward_params(Team& team, DenseGeometry g, ConstChannelView x, ConstChannelView dz,
                           bool accumulate, float* dkernel, float* dbias);

}  // namespace pycnn::cpu::PYCNN_ISA::channels
