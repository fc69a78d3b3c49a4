#pragma once
// The instructions of a plan: what a step is made of. Plain data; each backend runs them with its
// own kernels. Every operand is a buffer of the plan or a parameter of the graph.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "ops/concat.h"
#include "ops/loss.h"

namespace pycnn {

using BufferId = int;

// Arrays outside the plan that a block is gathered from or scattered to.
enum class Stream : std::uint8_t { input, target, output_gradient, output, input_gradient };

struct GatherRows {  // buffer = scale * stream + offset
  Stream stream;
  int index;  // which input or output of the network
  float scale, offset;
  BufferId y;
};
struct ScatterRows {
  BufferId x;
  Stream stream;
  int index;
};
struct AugmentGather {  // buffer = after(augmented(before(input)))
  AugmentGeometry g;
  int node;
  bool training;
  int index;
  RescaleOptions before, after;
  BufferId y;
};
struct Conv2dForward {
  Conv2dGeometry g;
  BufferId x, y;
  ParameterId kernel, bias;  // bias: -1 when there is none
  bool relu;
};
// scratch: -1 where the kernel takes none from the arena. code: -1 where nobody asks for the codes
// and the kernel can do without (by Winograd's filtering).
struct Conv2dPoolForward {
  Conv2dGeometry g;
  BufferId x, scratch, y, code;
  ParameterId kernel, bias;
  bool relu;
};
struct Conv2dPoolBackward {
  BufferId dy, code, dz;
};
// From the pooled gradient at once. scratch: -1 where the kernel takes none from the arena. With
// images in the lanes that says that the weights' gradient goes by selecting.
struct Conv2dPoolBackwardInput {
  Conv2dGeometry g;
  BufferId dy, code, scratch, dx;
  ParameterId kernel;
};
struct Conv2dPoolBackwardParams {
  Conv2dGeometry g;
  BufferId x, dy, code, scratch;
  ParameterId kernel, bias;
};
struct Conv2dBackwardInput {  // base: what else is added to dx; -1 for nothing
  Conv2dGeometry g;
  BufferId dz, base, dx;
  ParameterId kernel;
};
struct Conv2dBackwardParams {
  Conv2dGeometry g;
  BufferId x, dz;
  ParameterId kernel, bias;
};
struct DepthwiseConv2dForward {
  Conv2dGeometry g;
  BufferId x, y;
  ParameterId kernel, bias;
  bool relu;
};
struct DepthwiseConv2dBackwardInput {
  Conv2dGeometry g;
  BufferId dz, dx;
  ParameterId kernel;
};
struct DepthwiseConv2dBackwardParams {
  Conv2dGeometry g;
  BufferId x, dz;
  ParameterId kernel, bias;
};
struct MaxPool2dForward {
  WindowGeometry g;
  BufferId x, y;
};
struct MaxPool2dBackward {
  WindowGeometry g;
  BufferId dy, x, y, dx;
};
struct AvgPool2dForward {
  WindowGeometry g;
  BufferId x, y;
};
struct AvgPool2dBackward {
  WindowGeometry g;
  BufferId dy, dx;
};
struct DenseForward {
  DenseGeometry g;
  BufferId x, y;
  ParameterId kernel, bias;
  bool relu;
};
struct DenseBackwardInput {
  DenseGeometry g;
  BufferId dz, dx;
  ParameterId kernel;
};
// Of the whole batch at once, in either layout: with the images in the lanes from kept rows.
struct DenseBackwardParams {
  DenseGeometry g;
  BufferId x, dz;
  ParameterId kernel, bias;
};
struct ActivationForward {
  ActivationOptions options;
  BufferId x, y;
};
struct ActivationBackward {
  ActivationOptions options;
  BufferId dy, saved, dx;  // saved: x or y, see backward_reads_input
};
struct Add {
  BufferId a, b, y;
  bool relu;
};
struct ConcatForward {  // of one part
  cpu::ConcatOffset at;
  BufferId x, y;
};
struct ConcatBackward {
  cpu::ConcatOffset at;
  BufferId dy, dx;
};
// Batch normalization meets the other blocks twice: each block takes its statistics, a leader
// combines them for all, each block goes on. A statistics buffer holds two numbers per channel.
struct BatchNormStatistics {
  BufferId x, partial;
};
struct BatchNormCombine {  // leader: mean and inverse deviation, and the moving ones
  BatchNormOptions options;
  std::int64_t positions;  // height * width
  int channels;
  BufferId partial, statistics;
  ParameterId moving_mean, moving_variance;
};
struct BatchNormForward {
  BufferId x, statistics, y;
  ParameterId gamma, beta;  // -1 when there is none
  bool relu;                // backward: dy is the gradient behind it
};
struct BatchNormMoving {  // statistics from the moving ones, outside training
  BatchNormOptions options;
  int channels;
  ParameterId moving_mean, moving_variance;
  BufferId statistics;
};
struct BatchNormBackwardSums {
  BufferId dy, x, statistics, partial;
  ParameterId gamma, beta;
  bool relu;
};
struct BatchNormBackwardCombine {  // leader: dgamma, dbeta, and the means over the batch
  std::int64_t positions;
  int channels;
  BufferId partial, means;
  ParameterId gamma, beta;
  bool accumulate;  // as in Instruction
};
struct BatchNormBackwardInput {  // means: -1 when the statistics are constants
  BufferId dy, x, statistics, means, dx;
  ParameterId gamma, beta;
  bool relu;
};
struct GlobalAvgPool2dForward {
  BufferId x, y;
};
struct GlobalAvgPool2dBackward {
  BufferId dy, dx;
};
struct GlobalMaxPool2dForward {
  BufferId x, y;
};
struct GlobalMaxPool2dBackward {
  BufferId dy, x, y, dx;
};
struct ZeroPad2dForward {
  int top, left;
  BufferId x, y;
};
struct ZeroPad2dBackward {
  int top, left;
  BufferId dy, dx;
};
struct Permute {  // backward: with the inverse geometry
  PermuteGeometry g;
  BufferId x, y;
};
struct LocalResponseNormForward {
  cpu::LocalResponseNormGeometry g;
  BufferId x, y;
};
struct LocalResponseNormBackward {
  cpu::LocalResponseNormGeometry g;
  BufferId dy, x, scratch, dx;
};
struct DropoutForward {
  DropoutOptions options;
  int node;
  BufferId x, y, mask;
};
struct DropoutBackward {
  DropoutOptions options;
  BufferId dy, mask, dx;
};
struct AugmentForward {  // outside training: the window in the middle
  AugmentGeometry g;
  int node;
  bool training;
  BufferId x, y;
};
struct AugmentBackward {
  AugmentGeometry g;
  int node;
  bool training;
  BufferId dy, dx;
};
struct Rescale {  // also the plain copy between layouts
  float scale, offset;
  BufferId x, y;
};
struct KeepRows {  // of each image of a block, for an instruction after all blocks
  BufferId x, y;
};
struct Repack {  // the same elements under another shape, where memory cannot stay as it is
  BufferId x, y;
};
struct LossStep {  // dz: -1 when only the loss is wanted; rows: -1 when targets are labels
  int index;       // which output
  LossKind kind;
  float weight;
  BufferId z, rows, dz;
};
struct HostForward {
  int node;
  BufferId x, y;
};
struct HostBackward {
  int node;
  BufferId dy, dx;  // dx: -1 when nobody needs it
};

using Operation = std::variant<
    GatherRows, AugmentGather, ScatterRows, Conv2dForward, Conv2dPoolForward, Conv2dPoolBackward,
    Conv2dPoolBackwardInput, Conv2dPoolBackwardParams, Conv2dBackwardInput, Conv2dBackwardParams,
    DepthwiseConv2dForward, DepthwiseConv2dBackwardInput, DepthwiseConv2dBackwardParams,
    MaxPool2dForward, MaxPool2dBackward, AvgPool2dForward, AvgPool2dBackward, DenseForward,
    DenseBackwardInput, DenseBackwardParams, ActivationForward, ActivationBackward, Add,
    ConcatForward, ConcatBackward, BatchNormStatistics, BatchNormCombine, BatchNormForward,
    BatchNormMoving, BatchNormBackwardSums, BatchNormBackwardCombine, BatchNormBackwardInput,
    GlobalAvgPool2dForward, GlobalAvgPool2dBackward, GlobalMaxPool2dForward,
    GlobalMaxPool2dBackward, ZeroPad2dForward, ZeroPad2dBackward, Permute, LocalResponseNormForward,
    LocalResponseNormBackward, DropoutForward, DropoutBackward, AugmentForward, AugmentBackward,
    Rescale, KeepRows, Repack, LossStep, HostForward, HostBackward>;

// Its name as it stands above, for messages and profiles.
std::string_view operation_name(const Operation& operation);

struct Instruction {
  Operation operation;
  std::string layer;  // who it works for, for messages: "[Conv2D 'c1']"
  std::vector<BufferId> reads;
  std::vector<BufferId> writes;
  bool forward = true;
  // Its weights have gradients from an instruction before it in the program: they are added to.
  bool accumulate = false;
  bool barrier = false;  // needs the whole batch: one thread runs it while the blocks wait
};

}  // namespace pycnn
