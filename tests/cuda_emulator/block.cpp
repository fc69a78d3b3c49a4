#include "block.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string_view>
#include <vector>

#include "fiber.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

// The bounds of all __shared__ variables; see shared_section.ld.
extern "C" char __start_pycnn_shared[] __attribute__((weak));
extern "C" char __stop_pycnn_shared[] __attribute__((weak));

namespace pycnn::emulator {
namespace {

struct Thread {
  enum class State { ready, waiting, done };
  State state;
  Fiber* fiber;
  Request request;
  Reply reply;
};

struct Warp {  // lanes, as masks
  unsigned live;
  unsigned waiting;  // at a place for lanes
};

const std::function<void()>* running_kernel = nullptr;
void* dynamic_shared_memory = nullptr;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<unsigned> order;  // of the threads
std::size_t started = 0;      // how many of them
std::size_t done = 0;
std::size_t at_barrier = 0;
unsigned current = 0;

bool has_lane(unsigned lanes, unsigned lane) { return (lanes >> lane & 1U) != 0; }

std::vector<Fiber*>& idle_fibers() {
  static auto& fibers = *new std::vector<Fiber*>;
  return fibers;
}

void arrange(std::vector<unsigned>& numbers) {
  static std::minstd_rand random;
  const char* const variable = std::getenv("PYCNN_EMULATOR_ORDER");
  const std::string_view name = variable && *variable ? variable : "forward";
  std::iota(numbers.begin(), numbers.end(), 0U);
  if (name == "reverse") {
    std::reverse(numbers.begin(), numbers.end());
  } else if (name == "random") {
    std::shuffle(numbers.begin(), numbers.end(), random);
  } else if (name != "forward") {
    std::fprintf(stderr, "PYCNN_EMULATOR_ORDER: forward, reverse or random; it is %s\n", variable);
    std::abort();
  }
}

uint3 position(unsigned index, const dim3& size) {
  return {index % size.x, index / size.x % size.y, index / size.x / size.y};
}

void make_current(unsigned thread) {
  current = thread;
  threadIdx = position(thread, blockDim);
}

bool same_place(const Request& a, const Request& b) {
  return a.lanes == b.lanes && a.place.line == b.place.line &&
         std::strcmp(a.place.file, b.place.file) == 0;
}

void go_on(Thread& thread, const Reply& reply) {
  thread.reply = reply;
  thread.state = Thread::State::ready;
}

// Lets the block's threads go on if all that have not ended wait at the same barrier.
void try_block() {
  if (at_barrier == 0 || at_barrier + done < threads.size()) return;
  Reply reply{.threads = static_cast<int>(at_barrier)};
  const Request* first = nullptr;
  for (const Thread& thread : threads) {
    if (thread.state == Thread::State::done) continue;
    if (!first) first = &thread.request;
    if (!same_place(thread.request, *first)) return;
    reply.count += thread.request.predicate;
  }
  at_barrier = 0;
  for (Thread& thread : threads) {
    if (thread.state != Thread::State::done) go_on(thread, reply);
  }
}

// Lets the lanes of this request go on if all that have not ended wait at its place.
void try_lanes(unsigned w, const Request& request) {
  Warp& warp = warps[w];
  const unsigned lanes = request.lanes & warp.live;
  if ((lanes & ~warp.waiting) != 0) return;
  Thread* const first = &threads[w * warpSize];
  Reply reply{.threads = std::popcount(lanes)};
  for (unsigned i = 0; i < warpSize; ++i) {
    if (!has_lane(lanes, i)) continue;
    if (!same_place(first[i].request, request)) return;
    if (first[i].request.predicate) reply.ballot |= 1U << i;
  }
  reply.count = std::popcount(reply.ballot);
  warp.waiting &= ~lanes;
  for (unsigned i = 0; i < warpSize; ++i) {
    if (!has_lane(lanes, i)) continue;
    const unsigned source = first[i].request.source;
    reply.value = has_lane(lanes, source) ? first[source].request.value : ~std::uint64_t{0};
    go_on(first[i], reply);
  }
}

// The others do not wait for a thread that has ended.
void end_thread() {
  threads[current].state = Thread::State::done;
  ++done;
  const unsigned w = current / warpSize;
  warps[w].live &= ~(1U << lane());
  for (unsigned i = 0; i < warpSize; ++i) {
    if (has_lane(warps[w].waiting, i)) try_lanes(w, Request(threads[w * warpSize + i].request));
  }
  try_block();
}

// A fiber takes thread after thread; while a thread of its waits, others take the next ones.
void run_threads() {
  for (;;) {
    while (started < order.size()) {
      make_current(order[started++]);
      threads[current].fiber = Fiber::current();
      (*running_kernel)();
      end_thread();
    }
    idle_fibers().push_back(Fiber::current());
    Fiber::suspend();
  }
}

Fiber& take_idle_fiber() {
  if (idle_fibers().empty()) return *new Fiber(run_threads);
  Fiber* const fiber = idle_fibers().back();
  idle_fibers().pop_back();
  return *fiber;
}

// Memory that nobody has written is all ones, NaN as floating point. Not with memset(), in whose
// place ASan's own would complain of its zones between the variables.
__attribute__((no_sanitize("address"))) void poison_static_shared() {
  volatile char* first = __start_pycnn_shared;
  for (; __stop_pycnn_shared - first >= 8; first += 8) {
    *reinterpret_cast<volatile std::uint64_t*>(first) = ~std::uint64_t{0};
  }
  for (; first != __stop_pycnn_shared; ++first) *first = -1;
}

[[noreturn]] void fail_deadlock() {
  std::fprintf(stderr, "cuda-emulated: deadlock in block (%u, %u, %u)\n", blockIdx.x, blockIdx.y,
               blockIdx.z);
  const Request* last = nullptr;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const Request& request = threads[i].request;
    if (threads[i].state == Thread::State::done || (last && same_place(*last, request))) continue;
    std::fprintf(stderr, "  from thread %zu: waits at %s, mask %#x, %s:%d, in %s\n", i,
                 request.what, request.lanes, request.place.file, request.place.line,
                 request.place.function);
    last = &request;
  }
  std::fprintf(stderr, "  %zu of %zu threads have ended\n", done, threads.size());
  std::abort();
}

void run_block(const std::function<void()>& kernel) {
  running_kernel = &kernel;
  for (Thread& thread : threads) thread.state = Thread::State::ready;
  warps.assign((threads.size() + warpSize - 1) / warpSize, Warp{});
  for (std::size_t i = 0; i < threads.size(); ++i) warps[i / warpSize].live |= 1U << i % warpSize;
  arrange(order);
  started = done = at_barrier = 0;
  while (started < order.size()) take_idle_fiber().resume();
  while (done < order.size()) {
    bool moved = false;
    for (const unsigned thread : order) {
      if (threads[thread].state != Thread::State::ready) continue;
      moved = true;
      make_current(thread);
      threads[thread].fiber->resume();
    }
    if (!moved) fail_deadlock();
  }
}

}  // namespace

Reply wait_for_others(const Request& request) {
  Thread& self = threads[current];
  self.request = request;
  self.state = Thread::State::waiting;
  if (request.lanes == 0) {
    ++at_barrier;
    try_block();
  } else if (has_lane(request.lanes, lane())) {
    warps[current / warpSize].waiting |= 1U << lane();
    try_lanes(current / warpSize, request);
  } else {
    fail("the calling lane is not in the mask", request.place);
  }
  Fiber::suspend();
  return self.reply;
}

unsigned lane() { return current % warpSize; }

void* dynamic_shared() { return dynamic_shared_memory; }

void fail(const char* what, const Place& place) {
  std::fprintf(stderr, "cuda-emulated: %s: thread %u of block (%u, %u, %u), %s:%d, in %s\n", what,
               current, blockIdx.x, blockIdx.y, blockIdx.z, place.file, place.line, place.function);
  std::abort();
}

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes,
              const std::function<void()>& kernel) {
  gridDim = grid;
  blockDim = block;
  order.resize(std::size_t{block.x} * block.y * block.z);
  threads.resize(order.size());
  std::vector<unsigned> blocks(std::size_t{grid.x} * grid.y * grid.z);
  arrange(blocks);
  const auto shared = std::make_unique<std::byte[]>(shared_bytes);
  dynamic_shared_memory = shared.get();
  for (const unsigned b : blocks) {
    blockIdx = position(b, gridDim);
    poison_static_shared();
    if (shared_bytes > 0) std::memset(dynamic_shared_memory, 0xFF, shared_bytes);
    run_block(kernel);
  }
}

}  // namespace pycnn::emulator
