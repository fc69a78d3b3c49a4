#include "cuda/fork.h"

#include <pthread.h>

#include <atomic>

#include "core/error.h"

namespace pycnn::cuda {
namespace {

constinit std::atomic<bool> used{false};
constinit std::atomic<bool> lost{false};

[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { lost = used.load(); });

}  // namespace

void note_use() noexcept { used = true; }

bool lost_by_fork() noexcept { return lost; }

void refuse_after_fork() {
  if (!lost) return;
  throw DeviceError(
      "device 'cuda' is not available: this process is a fork of one that had used it, and a GPU's "
      "context stays behind; multiprocessing's \"spawn\" starts processes that can use it");
}

}  // namespace pycnn::cuda
