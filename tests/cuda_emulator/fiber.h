#pragma once

#include <cstddef>

namespace pycnn::emulator {

#if defined(__x86_64__) || defined(__aarch64__)
using Context = void*;  // a stack pointer; the registers lie on that stack
#else
}
#include <ucontext.h>
namespace pycnn::emulator {
using Context = ucontext_t;
#endif

// A function with a stack of its own that runs in turns with whoever resumes it. Fibers are reused
// and never destroyed; one runs at a time.
class Fiber {
 public:
  explicit Fiber(void (*body)());  // which never returns
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() = delete;

  void resume();          // runs the body until it suspends
  static void suspend();  // from the body: back to resume()
  static Fiber* current();

 private:
  static void enter();

  void (*body_)();
  std::byte* stack_;
  Context context_;
  Context resumer_;
  void* fake_stack_ = nullptr;  // ASan's, of this fiber while it is suspended
  const void* resumer_stack_ = nullptr;
  std::size_t resumer_stack_bytes_ = 0;
};

}  // namespace pycnn::emulator
