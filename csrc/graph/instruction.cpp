#include "graph/instruction.h"

#include <array>

namespace pycnn {

std::string_view operation_name(const Operation& operation) {
  static constexpr std::array<std::string_view, std::variant_size_v<Operation>> kNames = {
      "GatherRows",
      "AugmentGather",
      "ScatterRows",
      "Conv2dForward",
      "Conv2dPoolForward",
      "Conv2dPoolBackward",
      "Conv2dPoolBackwardInput",
      "Conv2dPoolBackwardParams",
      "Conv2dBackwardInput",
      "Conv2dBackwardParams",
      "DepthwiseConv2dForward",
      "DepthwiseConv2dBackwardInput",
      "DepthwiseConv2dBackwardParams",
      "MaxPool2dForward",
      "MaxPool2dBackward",
      "AvgPool2dForward",
      "AvgPool2dBackward",
      "DenseForward",
      "DenseBackwardInput",
      "DenseBackwardParams",
      "ActivationForward",
      "ActivationBackward",
      "Add",
      "ConcatForward",
      "ConcatBackward",
      "BatchNormStatistics",
      "BatchNormCombine",
      "BatchNormForward",
      "BatchNormMoving",
      "BatchNormBackwardSums",
      "BatchNormBackwardCombine",
      "BatchNormBackwardInput",
      "GlobalAvgPool2dForward",
      "GlobalAvgPool2dBackward",
      "GlobalMaxPool2dForward",
      "GlobalMaxPool2dBackward",
      "ZeroPad2dForward",
      "ZeroPad2dBackward",
      "Permute",
      "LocalResponseNormForward",
      "LocalResponseNormBackward",
      "DropoutForward",
      "DropoutBackward",
      "AugmentForward",
      "AugmentBackward",
      "Rescale",
      "KeepRows",
      "Repack",
      "LossStep",
      "HostForward",
      "HostBackward",
  };
  return kNames[operation.index()];
}

}  // namespace pycnn
