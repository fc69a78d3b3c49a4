#pragma once
// Which layout a network takes on the CPU.

#include <cstdint>
#include <string_view>

#include "graph/graph.h"
#include "graph/plan.h"

namespace pycnn {

// How well a network fills lanes with channels, by the multiply-adds of its convolutions and dense
// layers for one image.
struct ChannelFill {
  bool possible = true;  // false: it has a layer that is made for images in the lanes alone
  double needed = 0;
  double done = 0;  // with outputs filled up to multiples of 16
};
ChannelFill channel_fill(const Graph& graph);

// The lanes of a step on `images` images: those that are filled better, the last block of images
// being filled up to 16; channels where there is little in it. The number of threads has no say in
// it, so that it changes no result.
Lanes choose_lanes(const ChannelFill& fill, std::int64_t images);

// Multiply-adds of one image through the convolutions and dense layers of a plan.
std::int64_t multiply_adds(const Plan& plan);

// "auto", "images" or "channels", for tests: what choose_lanes is bound to wherever the network can
// be run so. PYCNN_CPU_LANES at first use, else "auto". Throws ValueError for other words.
void set_lanes(std::string_view name);
std::string_view lanes();

}  // namespace pycnn
