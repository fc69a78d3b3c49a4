#include "bindings/native_call.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace py = pybind11;

namespace pycnn::bindings {
namespace {

// Long enough for any step on a CPU. Longer than that only a Python layer or callback can take that
// waits for something itself; the process ends then as it does without the handler.
constexpr auto kPatience = std::chrono::seconds(5);

std::atomic<int> running_calls{0};
thread_local int calls_of_this_thread = 0;

// Set once, with the GIL held.
std::atomic<bool> exiting{false};
std::thread::id exiting_thread;

void refuse_at_exit() {
  if (!exiting || std::this_thread::get_id() == exiting_thread) return;
  py::set_error(PyExc_SystemExit, "the interpreter is exiting: pycnn runs no more in this thread");
  throw py::error_already_set();
}

void stop_all_calls() {
  exiting_thread = std::this_thread::get_id();
  exiting = true;
  const py::gil_scoped_release release;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (running_calls > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

NativeCall::Running::Running() {
  refuse_at_exit();
  ++running_calls;
  ++calls_of_this_thread;
}

NativeCall::Running::~Running() {
  --running_calls;
  --calls_of_this_thread;
}

NativeCall::NativeCall() = default;

void check_native_call() {
  const py::gil_scoped_acquire gil;
  refuse_at_exit();
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

void watch_exit() {
  // Only the thread that forks lives on in the child.
  pthread_atfork(nullptr, nullptr, [] { running_calls = calls_of_this_thread; });
  py::module_::import("atexit").attr("register")(py::cpp_function(&stop_all_calls));
}

}  // namespace pycnn::bindings
