#pragma once
// The table of CPU kernels of one instruction set, and the one place that chooses the set.

#include <string>
#include <string_view>
#include <vector>

#include "ops/adam.h"
#include "ops/add.h"
#include "ops/augment.h"
#include "ops/avg_pool2d.h"
#include "ops/batch_norm.h"
#include "ops/concat.h"
#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/depthwise_conv2d.h"
#include "ops/dropout.h"
#include "ops/elu.h"
#include "ops/gather.h"
#include "ops/gelu.h"
#include "ops/global_avg_pool2d.h"
#include "ops/global_max_pool2d.h"
#include "ops/gradient.h"
#include "ops/leaky_relu.h"
#include "ops/local_response_norm.h"
#include "ops/loss.h"
#include "ops/max_pool2d.h"
#include "ops/peak.h"
#include "ops/permute.h"
#include "ops/relu.h"
#include "ops/rescale.h"
#include "ops/rmsprop.h"
#include "ops/sgd.h"
#include "ops/sigmoid.h"
#include "ops/softmax.h"
#include "ops/tanh.h"
#include "ops/zero_pad2d.h"

namespace pycnn::cpu {

struct Kernels {
  const GatherKernels* gather;
  const Conv2dKernels* conv2d;
  const DepthwiseConv2dKernels* depthwise_conv2d;
  const MaxPool2dKernels* max_pool2d;
  const AvgPool2dKernels* avg_pool2d;
  const DenseKernels* dense;
  const ReluKernels* relu;
  const SigmoidKernels* sigmoid;
  const TanhKernels* tanh;
  const SoftmaxKernels* softmax;
  const LeakyReluKernels* leaky_relu;
  const EluKernels* elu;
  const GeluKernels* gelu;
  const RescaleKernels* rescale;
  const AddKernels* add;
  const ConcatKernels* concat;
  const BatchNormKernels* batch_norm;
  const GlobalAvgPool2dKernels* global_avg_pool2d;
  const GlobalMaxPool2dKernels* global_max_pool2d;
  const ZeroPad2dKernels* zero_pad2d;
  const PermuteKernels* permute;
  const LocalResponseNormKernels* local_response_norm;
  const DropoutKernels* dropout;
  const AugmentKernels* augment;
  const LossKernels* loss;
  const GradientKernels* gradient;
  const SgdKernels* sgd;
  const AdamKernels* adam;
  const RmspropKernels* rmsprop;
  const PeakKernels* peak;
  // With the channels in the lanes; other ops work lane by lane and are used as they are.
  const GatherChannelKernels* gather_channels;
  const Conv2dChannelKernels* conv2d_channels;
  const DenseChannelKernels* dense_channels;
  const BatchNormChannelKernels* batch_norm_channels;
  const SoftmaxChannelKernels* softmax_channels;
};

// The table in use: PYCNN_CPU_ISA at first use, else the widest set that this machine has.
// Throws ValueError when PYCNN_CPU_ISA names a set that is unknown or not on this machine.
const Kernels& kernels();

std::string isa();
std::vector<std::string> available_isas();  // narrowest first
void set_isa(std::string_view name);        // same errors as kernels()

}  // namespace pycnn::cpu
