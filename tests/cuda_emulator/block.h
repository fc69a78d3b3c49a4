#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "vector_types.h"

// One block after another, each thread a fiber. Threads change only where they wait for each other,
// in the order that PYCNN_EMULATOR_ORDER names: forward (default), reverse, or random.

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
inline constexpr int warpSize = 32;

namespace pycnn::emulator {

// A line of a kernel; here(), as a default argument, is the caller's.
struct Place {
  const char* file;
  const char* function;
  int line;

  static constexpr Place here(const char* file = __builtin_FILE(),
                              const char* function = __builtin_FUNCTION(),
                              int line = __builtin_LINE()) {
    return {file, function, line};
  }
};

// What a thread brings to the place where it waits for others.
struct Request {
  const char* what;
  Place place;
  unsigned lanes = 0;  // of the warp, as a mask; 0: the whole block
  bool predicate = false;
  unsigned source = 0;      // the lane whose value it wants
  std::uint64_t value = 0;  // for the lane that wants it
};

// What it gets when all are there. The value of a lane that does not take part is all ones.
struct Reply {
  int threads = 0;      // that took part
  int count = 0;        // those whose predicate was true
  unsigned ballot = 0;  // the same as lanes of the warp
  std::uint64_t value = 0;
};

Reply wait_for_others(const Request& request);
unsigned lane();
void* dynamic_shared();

// Ends the program: what the kernel did is undefined on a device.
[[noreturn]] void fail(const char* what, const Place& place);

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);

}  // namespace pycnn::emulator
