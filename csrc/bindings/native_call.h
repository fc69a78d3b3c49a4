#pragma once
// Calls of the core that let other Python threads run meanwhile, and what becomes of them when the
// interpreter ends.
//
// Before Python 3.14 a thread that asks for the GIL while the interpreter ends is unwound on the
// spot, which aborts the process in C++ that must not throw; and work that goes on finds the
// library's statics destroyed. So no thread may be without the GIL in here by then: an exit handler
// stops the calls of all other threads and waits for them. They end with SystemExit, at which a
// thread ends without a word.

#include <pybind11/pybind11.h>

namespace pycnn::bindings {

// In place of pybind11::gil_scoped_release. Throws SystemExit where the exit handler has run, but
// on the thread that ran it. Needs the GIL.
class NativeCall {
 public:
  NativeCall();

 private:
  class Running {
   public:
    Running();
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
  };
  Running running_;  // until the GIL is back
  pybind11::gil_scoped_release release_;
};

// For a call that has been running for a while: throws what a signal handler raises, or SystemExit
// as above. Takes the GIL.
void check_native_call();

// Registers the exit handler.
void watch_exit();

}  // namespace pycnn::bindings
