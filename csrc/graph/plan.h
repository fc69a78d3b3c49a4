#pragma once
// The plan: the program that every block of 16 images runs, with a place in one arena for every
// activation, saved value and scratch buffer.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "graph/fuse.h"
#include "graph/instruction.h"

namespace pycnn {

enum class PlanKind : std::uint8_t {
  predict,   // forward, output to a stream
  evaluate,  // forward and loss
  train,     // forward, loss, gradients of the parameters
  // Forward, upstream gradients from streams, gradients of parameters and inputs: as the network
  // predicts, or as it trains.
  gradient,
  training_gradient,
  training_predict,  // as predict, but as the network trains
};
inline constexpr int kPlanKinds = 6;
constexpr bool has_gradients(PlanKind kind) {
  return kind == PlanKind::train || kind == PlanKind::gradient ||
         kind == PlanKind::training_gradient;
}
constexpr bool is_training(PlanKind kind) {
  return kind == PlanKind::train || kind == PlanKind::training_gradient ||
         kind == PlanKind::training_predict;
}
constexpr bool has_losses(PlanKind kind) {
  return kind == PlanKind::train || kind == PlanKind::evaluate;
}

// What the loss makes of one of the network's outputs.
struct LossSpec {
  LossKind kind;
  bool integer_labels;
  ValueId predictions;  // the value that the loss reads: the output, or the logits before a softmax
  float weight = 1.0f;
};

// What the 16 lanes of a vector are on the CPU: 16 images of a block (ops/cpu/block.h), or 16
// neighbouring channels of one image (ops/cpu/channels.h).
enum class Lanes : std::uint8_t { images, channels };

struct Buffer {
  std::string name;  // of the layer it belongs to and what it holds, for the report
  int height = 1, width = 1, channels = 1;
  Lanes lanes = Lanes::images;
  bool filled_up = true;  // with the channels in the lanes: pixels, to whole vectors
  Halo halo;              // zeros around it, kept by the executor
  int element_size = 4;   // 4: float, 1: byte (pooling codes)
  bool per_image = true;  // false: statistics or scratch, not 16 images' numbers
  // Rows of single images that stay until the whole batch is there: not in the arena.
  bool kept = false;
  BufferId alias_of = -1;  // another buffer whose memory this one is, under another shape
  int first_use = -1, last_use = -1;  // positions in the program; an alias has none of its own
  std::size_t offset = 0;             // in the arena or among an image's kept rows, bytes

  bool has_halo() const { return halo.top + halo.bottom + halo.left + halo.right > 0; }
  int vectors() const;            // of 16 lanes in a pixel that is filled up
  std::int64_t pixel() const;     // elements from pixel to pixel
  std::int64_t row() const;       // elements from row to row
  std::size_t bytes() const;      // of the whole buffer for 16 images, or for one
  std::int64_t interior() const;  // index of the first element inside the halo
};

struct Plan {
  PlanKind kind;
  Lanes lanes = Lanes::images;
  std::vector<Instruction> program;
  std::vector<Buffer> buffers;
  std::size_t arena_bytes = 0;
  std::size_t kept_bytes = 0;  // of each image, beside the arena
  // Whether some instructions need the whole batch; every block then has an arena of its own.
  bool has_barriers = false;
  // Parameter gradients of blocks go to this many partial sums at most, whatever the number of
  // threads.
  int partial_sums = 1;

  // Of all buffers that forward writes and backward still reads: what training cannot do without.
  std::size_t bytes_for_backward() const;

  // One line per instruction and one per buffer, with the totals.
  std::string report() const;
};

// For the CPU a plan fuses pooling into convolutions and lays halos around their operands; a CUDA
// plan does neither. With the channels in the lanes a block is one image. Builds the plan that
// computes `outputs`, or for evaluate and train the predictions of `losses`. Throws OverflowError
// when sizes leave the range of the machine.
Plan make_plan(const Graph& graph, const std::vector<ValueId>& outputs, PlanKind kind,
               const std::vector<LossSpec>& losses, bool fuse, Device device = Device::cpu,
               Lanes lanes = Lanes::images);

// Gives every buffer in the arena its offset: buffers that are never alive together may share
// bytes. Largest first, each at the lowest place that is free during its life. Returns the arena's
// size.
std::size_t assign_offsets(std::vector<Buffer>& buffers);
// Gives kept rows theirs, one after another. Returns how many bytes an image has.
std::size_t assign_kept_offsets(std::vector<Buffer>& buffers);

// Height, width, channels of a shape in the block layout: the last dimension is the channels, the
// one before it the width, all others the height.
struct BlockShape {
  int height, width, channels;
};
BlockShape block_shape(const Shape& shape);

}  // namespace pycnn
