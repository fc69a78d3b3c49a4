#include "graph/lanes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

#include "core/environment.h"
#include "core/error.h"

namespace pycnn {
namespace {

std::int64_t whole_vectors(std::int64_t count) {
  return (count + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes;
}

double taps(const Conv2dGeometry& g) {
  return double(g.out_height) * g.out_width * g.kernel_height * g.kernel_width * g.in_channels;
}

// What each alternative of Operation needs; nothing unless it is told here.
std::int64_t count(const Conv2dGeometry& g) {
  return static_cast<std::int64_t>(taps(g)) * (g.out_channels / g.groups);
}
std::int64_t count(const DenseGeometry& g) { return std::int64_t{g.inputs} * g.outputs; }

// Filled alike, channels are faster: one image's numbers are in nearer caches than sixteen images'.
constexpr double kPreference = 1.1;

constexpr std::array<std::string_view, 3> kNames = {"auto", "images", "channels"};

int find(std::string_view name, const std::string& who) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) {
    throw ValueError(who + " must be auto, images or channels; got '" + std::string(name) + "'");
  }
  return static_cast<int>(at - kNames.begin());
}

std::atomic<int>& chosen() {
  static std::atomic<int> index = [] {
    const auto name = environment("PYCNN_CPU_LANES");
    return name ? find(*name, "PYCNN_CPU_LANES") : 0;
  }();
  return index;
}

}  // namespace

ChannelFill channel_fill(const Graph& graph) {
  ChannelFill all;
  for (const Node& n : graph.nodes()) {
    double sums = 0;
    std::int64_t outputs = 0;
    if (const auto* conv = std::get_if<Conv2dOptions>(&n.options)) {
      const auto g = conv2d_geometry(graph.shape(n.input()), *conv, n.who());
      sums = taps(g);
      outputs = g.out_channels;
      all.possible &= g.groups == 1;
    } else if (const auto* dense = std::get_if<DenseOptions>(&n.options)) {
      const auto g = dense_geometry(graph.shape(n.input()), *dense, n.who());
      sums = g.inputs;
      outputs = g.outputs;
    } else {
      // Kernels of the other layout alone, or a host program that wants the whole batch.
      all.possible &= !std::holds_alternative<DepthwiseConv2dOptions>(n.options) &&
                      !std::holds_alternative<HostOptions>(n.options);
    }
    all.needed += sums * double(outputs);
    all.done += sums * double(whole_vectors(outputs));
  }
  return all;
}

void set_lanes(std::string_view name) { chosen() = find(name, "the lanes"); }

std::string_view lanes() { return kNames[static_cast<std::size_t>(chosen().load())]; }

Lanes choose_lanes(const ChannelFill& fill, std::int64_t images) {
  const std::string_view wanted = lanes();
  if (!fill.possible || wanted == "images") return Lanes::images;
  if (wanted == "channels") return Lanes::channels;
  const double blocks = double(whole_vectors(images)) / double(std::max<std::int64_t>(images, 1));
  return fill.done <= kPreference * blocks * fill.needed ? Lanes::channels : Lanes::images;
}

std::int64_t multiply_adds(const Plan& plan) {
  std::int64_t sum = 0;
  for (const Instruction& i : plan.program) {
    std::visit(
        [&](const auto& operation) {
          if constexpr (requires {
                          operation.g.out_channels;
                          operation.kernel;
                        }) {
            sum += count(static_cast<const Conv2dGeometry&>(operation.g));
          } else if constexpr (requires { operation.g.outputs; }) {
            sum += count(operation.g);
          }
        },
        i.operation);
  }
  return sum;
}

}  // namespace pycnn
