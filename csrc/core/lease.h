#pragma once
// One thread at a time: an object that is at work refuses a second caller instead of waiting.

#include <atomic>
#include <string>

#include "core/error.h"

namespace pycnn {

class Lease {
 public:
  // Throws BusyError when another lease on `busy` is alive.
  Lease(std::atomic<bool>& busy, const char* what) : busy_(busy) {
    if (busy_.exchange(true)) {
      throw BusyError(std::string("this ") + what +
                      " is at work in another thread (or in the call that called here)");
    }
  }
  ~Lease() { busy_.store(false); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  std::atomic<bool>& busy_;
};

}  // namespace pycnn
