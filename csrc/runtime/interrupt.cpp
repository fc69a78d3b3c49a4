#include "runtime/interrupt.h"

#include <chrono>
#include <utility>

namespace pycnn {
namespace {

std::function<void()>& interrupt_check() {
  static std::function<void()> check;
  return check;
}

}  // namespace

void set_interrupt_check(std::function<void()> check) { interrupt_check() = std::move(check); }

void check_interrupt() {
  using Clock = std::chrono::steady_clock;
  constexpr auto kInterval = std::chrono::milliseconds(50);
  thread_local Clock::time_point last{};
  const auto now = Clock::now();
  if (now - last < kInterval || !interrupt_check()) return;
  last = now;
  interrupt_check()();
}

}  // namespace pycnn
