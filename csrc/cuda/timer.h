#pragma once
// Time by the GPU's own clock, for benchmarks.

#include <functional>

namespace pycnn::cuda {

// Begins to measure; the result tells the seconds from then until it is called. What pycnn does has
// been done by the GPU when its functions return, and so lies between the two. Throws like require.
std::function<double()> start_timer();

}  // namespace pycnn::cuda
