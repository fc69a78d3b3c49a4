#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "kernels.h"

namespace pycnn::emulator_test {

#define EXPECT_CUDA(expected, call) EXPECT_STREQ(#expected, cudaGetErrorName(call))
#define EXPECT_OK(call) EXPECT_CUDA(cudaSuccess, call)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PYCNN_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PYCNN_ASAN
#endif

// An array on the device.
template <class T>
class Array {
 public:
  explicit Array(std::size_t n) : n_(n) { EXPECT_OK(cudaMalloc(&data_, n * sizeof(T))); }
  explicit Array(const std::vector<T>& values) : Array(values.size()) {
    EXPECT_OK(cudaMemcpy(data_, values.data(), n_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { EXPECT_OK(cudaFree(data_)); }

  T* data() { return data_; }
  std::vector<T> values() const {
    std::vector<T> values(n_);
    EXPECT_OK(cudaMemcpy(values.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  std::size_t n_;
  T* data_ = nullptr;
};

// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace pycnn::emulator_test
