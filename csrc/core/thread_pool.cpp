#include "core/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/environment.h"
#include "core/error.h"
#include "core/solo_team.h"

namespace pycnn {

namespace {

constexpr int kMaxThreads = 1024;
constexpr std::size_t kCacheLine = 64;

// True on a worker always, and on a caller while it runs its share of a job.
thread_local bool inside_job = false;

int available_cores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // on many ARM cores `yield` does nothing; isb takes a while
#endif
}

// Returns once `word` differs from `old`: spins for `patience`, then sleeps. A waker changes the
// word with a sequentially consistent operation before it notifies, so that it cannot miss us.
void wait_while_equal(const std::atomic<std::uint32_t>& word, std::uint32_t old,
                      std::chrono::nanoseconds patience) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr int kPausesPerLook = 16;  // the clock costs more than a pause
  const auto deadline = Clock::now() + patience;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (word.load(std::memory_order_acquire) != old) return;
      pause();
    }
  } while (Clock::now() < deadline);
  word.wait(old, std::memory_order_acquire);
}

// Threads that run one job at a time. The words that they wait on lie in cache lines of their own.
class Pool {
 public:
  explicit Pool(int size);
  ~Pool() { dismiss(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int size() const noexcept { return size_; }
  // The workspaces, which may be null, are made for this pool's threads.
  void run(const std::function<void(Team&)>& job, Workspaces* workspaces);
  void barrier() noexcept;

 private:
  class Member;

  void work(int index) noexcept;
  void dismiss() noexcept;

  int size_;  // fewer than asked for where the system has no more threads; fixed once built
  const std::chrono::nanoseconds patience_;
  std::vector<std::thread> workers_;
  const std::function<void(Team&)>* job_ = nullptr;  // null at a new call: go home
  Workspaces* workspaces_ = nullptr;                 // the job's
  alignas(kCacheLine) std::atomic<std::uint32_t> call_{0};
  alignas(kCacheLine) std::atomic<std::uint32_t> working_{0};
  alignas(kCacheLine) std::atomic<std::uint32_t> arrived_{0};
  alignas(kCacheLine) std::atomic<std::uint32_t> phase_{0};
};

class Pool::Member final : public Team {
 public:
  Member(Pool& pool, int index) : pool_(pool), index_(index) {}
  int index() const noexcept override { return index_; }
  int size() const noexcept override { return pool_.size_; }
  void barrier() noexcept override { pool_.barrier(); }
  std::byte* workspace() noexcept override {
    return pool_.workspaces_ == nullptr ? nullptr : pool_.workspaces_->of(index_);
  }

 private:
  Pool& pool_;
  int index_;
};

// With a core for each thread the others are about to come, and a wake-up through the kernel would
// cost more than the wait; with fewer cores a spinning thread keeps the one it waits for from them.
Pool::Pool(int size)
    : size_(size),
      patience_(size <= available_cores() ? std::chrono::microseconds(50)
                                          : std::chrono::microseconds(1)) {
  workers_.reserve(static_cast<std::size_t>(size - 1));
  try {
    for (int index = 1; index < size; ++index) {
      workers_.emplace_back([this, index] { work(index); });
    }
  } catch (const std::system_error&) {  // no more threads are to be had
    size_ = static_cast<int>(workers_.size()) + 1;
  } catch (...) {
    dismiss();  // the destructor does not run for a pool that was never built
    throw;
  }
}

void Pool::dismiss() noexcept {
  job_ = nullptr;
  call_.fetch_add(1);
  call_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::run(const std::function<void(Team&)>& job, Workspaces* workspaces) {
  if (workspaces != nullptr) workspaces->prepare(size_);
  workspaces_ = workspaces;
  job_ = &job;
  working_.store(static_cast<std::uint32_t>(size_ - 1), std::memory_order_relaxed);
  if (size_ > 1) {
    call_.fetch_add(1);
    call_.notify_all();
  }
  Member member(*this, 0);
  std::exception_ptr error;
  inside_job = true;
  try {
    job(member);
  } catch (...) {
    error = std::current_exception();
  }
  inside_job = false;
  while (const std::uint32_t left = working_.load(std::memory_order_acquire)) {
    wait_while_equal(working_, left, patience_);
  }
  if (error) std::rethrow_exception(error);
}

void Pool::work(int index) noexcept {
  inside_job = true;
  Member member(*this, index);
  for (std::uint32_t seen = 0;; ++seen) {
    wait_while_equal(call_, seen, patience_);
    if (job_ == nullptr) return;
    (*job_)(member);
    if (working_.fetch_sub(1) == 1) working_.notify_one();
  }
}

void Pool::barrier() noexcept {
  const std::uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1) + 1 == static_cast<std::uint32_t>(size_)) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1);
    phase_.notify_all();
  } else {
    wait_while_equal(phase_, phase, patience_);
  }
}

// The process's pool and the lock that its callers queue at.
struct Shared {
  std::mutex callers;
  std::unique_ptr<Pool> pool;
  Shared* lost_before = nullptr;
};

// Never destroyed: at exit the workers may sleep in it or another thread may run a job, and the
// kernel ends them all. Plain atomics, because a fork may come at any moment and a child must not
// find a half-done initialisation that nobody will finish.
constinit std::atomic<Shared*> current{nullptr};
constinit std::atomic<int> chosen_count{0};  // 0: not chosen yet; a child keeps its parent's choice

// After fork() only the forking thread lives in the child. The old pool's workers are gone and its
// mutex may be held by a thread that is gone too: neither can be joined, unlocked or destroyed, so
// the whole is given up (still reachable, for the leak checkers) and the next use builds anew.
constinit Shared* lost = nullptr;

void forget_pool_in_child() {
  if (Shared* const old = current.exchange(nullptr)) {
    old->lost_before = lost;
    lost = old;
  }
  inside_job = false;  // that job, if any, belongs to the parent
}

[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, forget_pool_in_child);

Shared& shared() {
  Shared* found = current.load(std::memory_order_acquire);
  if (found == nullptr) {
    auto fresh = std::make_unique<Shared>();
    if (current.compare_exchange_strong(found, fresh.get())) found = fresh.release();
  }
  return *found;
}

int default_count() {
  const auto text = environment("PYCNN_NUM_THREADS");
  if (!text) return std::min(available_cores(), kMaxThreads);
  const char* const end = text->data() + text->size();
  int count = 0;
  const auto [stop, error] = std::from_chars(text->data(), end, count);
  if (error != std::errc{} || stop != end || count < 1 || count > kMaxThreads) {
    throw ValueError("PYCNN_NUM_THREADS must be a whole number from 1 to " +
                     std::to_string(kMaxThreads) + "; received '" + *text + "'");
  }
  return count;
}

// The pool with `count` threads, or as many as can be started: the choice from then on. The caller
// has the lock.
Pool& ready_pool(Shared& pools, int count) {
  if (pools.pool == nullptr || pools.pool->size() != count) {
    pools.pool.reset();  // the old threads leave before the new ones come
    pools.pool = std::make_unique<Pool>(count);
    if (pools.pool->size() != count) chosen_count.store(pools.pool->size());
  }
  return *pools.pool;
}

void refuse_inside_job(const char* function) {
  if (!inside_job) return;
  throw BusyError(std::string(function) + " was called from within a job of the thread pool");
}

void run_in_pool(const std::function<void(Team&)>& job, Workspaces* workspaces) {
  refuse_inside_job("parallel_run");
  Shared& pools = shared();
  const std::lock_guard lock(pools.callers);
  ready_pool(pools, num_threads()).run(job, workspaces);
}

void run_alone(const std::function<void(Team&)>& job, std::byte* workspace) {
  struct Mark {
    Mark() { inside_job = true; }
    ~Mark() { inside_job = false; }
  } mark;
  SoloTeam team(workspace);
  job(team);
}

}  // namespace

bool inside_parallel_run() { return inside_job; }

void parallel_run(const std::function<void(Team&)>& job) { run_in_pool(job, nullptr); }

void parallel_run(const std::function<void(Team&)>& job, Workspaces& workspaces) {
  run_in_pool(job, &workspaces);
}

void solo_run(const std::function<void(Team&)>& job) {
  refuse_inside_job("solo_run");
  run_alone(job, nullptr);
}

void solo_run(const std::function<void(Team&)>& job, Workspaces& workspaces) {
  refuse_inside_job("solo_run");
  workspaces.prepare(1);
  run_alone(job, workspaces.of(0));
}

int num_threads() {
  int count = chosen_count.load();
  if (count != 0) return count;
  const int fallback = default_count();
  return chosen_count.compare_exchange_strong(count, fallback) ? fallback : count;
}

void set_num_threads(int count) {
  if (count < 1 || count > kMaxThreads) {
    throw ValueError("the number of threads must be from 1 to " + std::to_string(kMaxThreads) +
                     "; received " + std::to_string(count));
  }
  refuse_inside_job("set_num_threads");
  Shared& pools = shared();
  const std::lock_guard lock(pools.callers);
  chosen_count.store(count);
  const int started = ready_pool(pools, count).size();
  if (started != count) {
    throw std::runtime_error("could start only " + std::to_string(started) + " of " +
                             std::to_string(count) + " threads (a limit of the system); " +
                             std::to_string(started) + " are used from now on");
  }
}

}  // namespace pycnn
