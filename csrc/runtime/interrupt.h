#pragma once
// The host program's way to stop long work (Ctrl-C in Python): a callback that throws.

#include <functional>

namespace pycnn {

// `check` is called from the thread that called into the library, now and then; what it throws
// comes out of that call. The Python bindings set it once.
void set_interrupt_check(std::function<void()> check);

// Calls it when 50 ms have passed since it was last called.
void check_interrupt();

}  // namespace pycnn
