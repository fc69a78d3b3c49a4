// Another GPU is the thread's current one: pycnn works on its own all the same, and the thread
// keeps its.

#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "branching_nets.h"
#include "core/error.h"
#include "cuda/cuda.h"
#include "cuda/device.h"
#include "cuda/interop.h"
#include "runtime/eager.h"

namespace pycnn {
namespace {

constexpr int kOther = 1;

int current_device() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

std::size_t used_memory() {
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  return total - free;
}

// With the other GPU as the current one, on which nothing may be left.
class CudaDevice : public testing::Test {
 protected:
  CudaDevice() { EXPECT_EQ(cudaSetDevice(kOther), cudaSuccess); }
  ~CudaDevice() override {
    expect_untouched();
    EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  }
  static void expect_untouched() {
    EXPECT_EQ(current_device(), kOther);
    EXPECT_EQ(used_memory(), 0U);
  }
};

int device_of(const void* address) {
  cudaPointerAttributes attributes{};
  EXPECT_EQ(cudaPointerGetAttributes(&attributes, address), cudaSuccess);
  return attributes.device;
}

// What a network gives, on the current device whatever it is.
std::vector<Tensor> everything(Network& network, int device) {
  std::vector<Tensor> all;
  const auto expect_device = [device] { EXPECT_EQ(current_device(), device); };
  const test::Data data = test::data_for(network, 19);
  for (int step = 0; step < 3; ++step) {
    network.train_step(data.x, data.y, 0.05f);
    expect_device();
  }
  all.push_back(network.predict(data.x, 7));
  expect_device();
  Tensor loss({1});
  loss.data<float>()[0] = static_cast<float>(network.evaluate(data.x, data.y, 7).loss());
  all.push_back(loss);
  expect_device();
  all.push_back(network.backward(data.x, test::random_floats(all[0].shape(), 3)).inputs[0]);
  expect_device();
  EXPECT_NE(network.plan_report(), "");
  network.set_parameter(0, network.get_parameter(0));
  expect_device();
  network.set_device(Device::cpu);
  expect_device();
  network.set_device(Device::cuda);
  expect_device();
  for (Tensor& weight : test::weights(network)) all.push_back(std::move(weight));
  expect_device();
  return all;
}

TEST_F(CudaDevice, OfNetworksIsTheirOwn) {
  for (test::Net (*net)() : {test::odd_net, test::lenet5}) {
    std::vector<Tensor> here, there;
    {
      test::Model network = test::make(net());
      network.set_device(Device::cuda);
      there = everything(network, kOther);
      expect_untouched();
    }
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    {
      test::Model network = test::make(net());
      network.set_device(Device::cuda);
      here = everything(network, 0);
      EXPECT_GT(used_memory(), 0U);
      ASSERT_EQ(cudaSetDevice(kOther), cudaSuccess);
    }
    EXPECT_TRUE(test::same_bits(here, there));
  }
}

TEST_F(CudaDevice, OfAFailedStepIsTheCallers) {
  test::Model network = test::make(test::odd_net());
  network.set_device(Device::cuda);
  test::Data data = test::data_for(network, 19);
  data.x = data.x.clone();
  data.x.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  test::expect_error<FloatingPointError>([&] { network.train_step(data.x, data.y, 0.05f); },
                                         "not finite");
}

TEST_F(CudaDevice, OfAHostLayerIsTheCallers) {
  const auto layer = std::make_shared<test::Identity>();
  layer->on_forward = layer->on_backward = [] { EXPECT_EQ(current_device(), kOther); };
  test::Model network = test::make(test::host_net(layer));
  network.set_device(Device::cuda);
  const test::Data data = test::data_for(network, 8);
  network.train_step(data.x, data.y, 0.05f);
  EXPECT_EQ(layer->training_calls, 1);
}

TEST_F(CudaDevice, OfTensorsIsPycnns) {
  const Tensor host = test::random_floats({3, 4}, 1);
  Tensor copy = host.to(Device::cuda);
  EXPECT_EQ(device_of(copy.raw_data()), 0);
  expect_untouched();
  const Tensor clone = copy.clone();
  EXPECT_EQ(device_of(clone.raw_data()), 0);
  EXPECT_TRUE(test::same_bits({clone.to(Device::cpu)}, {host}));
}

TEST_F(CudaDevice, OfSingleCalculationsIsPycnns) {
  const Tensor z = test::random_floats({5, 3}, 1), y = test::random_floats({5, 3}, 2);
  const LossResult there = compute_loss(LossKind::mean_squared_error, z, y, Device::cuda);
  expect_untouched();
  EXPECT_NEAR(there.loss, compute_loss(LossKind::mean_squared_error, z, y).loss, 1e-6);
  update_parameter(SgdOptions{}, z, y, Tensor({1, 5, 3}), 0.1f, 1, Device::cuda);
}

TEST_F(CudaDevice, IsNamedAndMeasured) {
  EXPECT_TRUE(cuda::is_available());
  EXPECT_EQ(cuda::device_number(), 0);
  EXPECT_EQ(cuda::device_name(), "cuda-emulated");
  const Tensor held = test::random_floats({1000}, 1).to(Device::cuda);
  const cuda::MemoryInfo info = cuda::memory_info();
  EXPECT_GE(info.total - info.free, 4000U);
}

TEST_F(CudaDevice, OfSharedMemoryMustBePycnns) {
  void* others = nullptr;
  ASSERT_EQ(cudaMalloc(&others, 64), cudaSuccess);
  test::expect_error<ValueError>([&] { cuda::check_shared_memory(others, 64); },
                                 "the array is on GPU 1; pycnn uses GPU 0");
  EXPECT_EQ(cudaFree(others), cudaSuccess);
  const Tensor own = test::random_floats({16}, 1).to(Device::cuda);
  cuda::check_shared_memory(own.raw_data(), 64);
  cuda::wait_for_default_stream();
  cuda::wait_for_all_streams();
}

}  // namespace
}  // namespace pycnn
