// Tensors: storage, views, element types; and the arena's alignment.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/tensor.h"

namespace pycnn {
namespace {

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % kAlignment == 0; }

TEST(Tensor, NewTensorsAreZeroAndAligned) {
  const Tensor tensor({3, 5, 7});
  EXPECT_EQ(tensor.shape(), (Shape{3, 5, 7}));
  EXPECT_EQ(tensor.dtype(), DType::float32);
  EXPECT_EQ(tensor.device(), Device::cpu);
  EXPECT_EQ(tensor.rank(), 3);
  EXPECT_EQ(tensor.size(), 105);
  EXPECT_EQ(tensor.nbytes(), 420U);
  EXPECT_FALSE(tensor.read_only());
  EXPECT_TRUE(aligned(tensor.raw_data()));
  for (int i = 0; i < 105; ++i) EXPECT_EQ(tensor.data<float>()[i], 0.0F) << i;
}

TEST(Tensor, DefaultAndEmptyTensorsHaveNoElements) {
  const Tensor none;
  EXPECT_EQ(none.shape(), (Shape{0}));
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.nbytes(), 0U);
  EXPECT_EQ(none.clone().size(), 0);
  const Tensor no_images({0, 28, 28, 1}, DType::uint8);
  EXPECT_EQ(no_images.size(), 0);
  EXPECT_EQ(no_images.clone().shape(), (Shape{0, 28, 28, 1}));
}

TEST(Tensor, ScalarShapeHoldsOneElement) {
  Tensor scalar(Shape{}, DType::int64);
  EXPECT_EQ(scalar.size(), 1);
  scalar.data<std::int64_t>()[0] = 7;
  EXPECT_EQ(scalar.reshape({1, 1}).data<std::int64_t>()[0], 7);
}

TEST(Tensor, SizesThatOverflowAreErrors) {
  const std::int64_t big = std::int64_t{1} << 31;
  EXPECT_THROW(Tensor({big, big, big}), OverflowError);
  // The element count fits 64 bits, the bytes do not.
  EXPECT_THROW(Tensor({big, big - 1}, DType::int64), OverflowError);
  EXPECT_THROW(Tensor({-3}), ValueError);
  std::array<float, 1> one{};
  EXPECT_THROW(Tensor::wrap(one.data(), {big, big - 1}, DType::int64, nullptr), OverflowError);
}

TEST(Tensor, CopiesShareStorageAndClonesDoNot) {
  Tensor original({4});
  Tensor handle = original;
  Tensor copy = original.clone();
  original.data<float>()[2] = 5.0F;
  EXPECT_EQ(handle.data<float>()[2], 5.0F);
  EXPECT_EQ(copy.data<float>()[2], 0.0F);
  EXPECT_EQ(handle.raw_data(), original.raw_data());
}

TEST(Tensor, WrapCopiesNothingAndKeepsTheOwnerAlive) {
  auto owner = std::make_shared<std::vector<std::uint8_t>>(6, std::uint8_t{9});
  const std::weak_ptr<std::vector<std::uint8_t>> watch = owner;
  std::uint8_t* const memory = owner->data();
  {
    const Tensor view = Tensor::wrap(memory, {2, 3}, DType::uint8, std::move(owner), true);
    EXPECT_EQ(view.raw_data(), memory);
    EXPECT_TRUE(view.read_only());
    EXPECT_FALSE(watch.expired());
    EXPECT_EQ(view.data<std::uint8_t>()[5], 9);
    const Tensor copy = view.clone();
    EXPECT_FALSE(copy.read_only());
    EXPECT_NE(copy.raw_data(), memory);
    EXPECT_EQ(copy.data<std::uint8_t>()[5], 9);
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, WrapRefusesNullForElements) {
  EXPECT_THROW(Tensor::wrap(nullptr, {1}, DType::float32, nullptr), ValueError);
  EXPECT_EQ(Tensor::wrap(nullptr, {0, 3}, DType::float32, nullptr).size(), 0);
}

TEST(Tensor, ReshapeKeepsStorageOrderAndFlags) {
  std::array<float, 6> values{0, 1, 2, 3, 4, 5};
  const Tensor view = Tensor::wrap(values.data(), {2, 3}, DType::float32, nullptr, true);
  const Tensor tall = view.reshape({3, 2});
  EXPECT_EQ(tall.shape(), (Shape{3, 2}));
  EXPECT_EQ(tall.raw_data(), view.raw_data());
  EXPECT_TRUE(tall.read_only());
  EXPECT_EQ(view.shape(), (Shape{2, 3}));
  EXPECT_THROW(view.reshape({7}), ValueError);
  EXPECT_THROW(view.reshape({-2, -3}), ValueError);
}

TEST(Tensor, RowsShareStorage) {
  std::array<float, 6> values{0, 1, 2, 3, 4, 5};
  const Tensor view = Tensor::wrap(values.data(), {3, 2}, DType::float32, nullptr, true);
  const Tensor last = view.rows(1, 2);
  EXPECT_EQ(last.shape(), (Shape{2, 2}));
  EXPECT_EQ(last.data<float>(), values.data() + 2);
  EXPECT_EQ(last.nbytes(), 16U);
  EXPECT_TRUE(last.read_only());
  EXPECT_EQ(view.rows(3, 0).size(), 0);
  const std::int64_t big = std::int64_t{1} << 62;
  EXPECT_THROW(view.rows(-1, 1), ValueError);
  EXPECT_THROW(view.rows(0, 4), ValueError);
  EXPECT_THROW(view.rows(1, -1), ValueError);
  EXPECT_THROW(view.rows(big, big), ValueError);
  EXPECT_THROW(Tensor(Shape{}).rows(0, 0), ValueError);
}

TEST(Tensor, TheHostDoesNotReadTheGpu) {
  int somewhere = 0;  // an address that nobody may follow
  const Tensor there = Tensor::wrap(&somewhere, {1}, DType::float32, nullptr, false, Device::cuda);
  EXPECT_EQ(there.device(), Device::cuda);
  EXPECT_EQ(there.raw_data(), &somewhere);
  EXPECT_EQ(there.reshape({1, 1}).device(), Device::cuda);
  EXPECT_EQ(there.to(Device::cuda).raw_data(), &somewhere);
  EXPECT_THROW(there.data<float>(), TypeError);
}

TEST(Tensor, ToItsOwnDeviceIsNoCopy) {
  const Tensor here({4});
  EXPECT_EQ(here.to(Device::cpu).raw_data(), here.raw_data());
}

TEST(Tensor, ElementsOfAnotherTypeAreRefused) {
  Tensor floats({2});
  const Tensor bytes({2}, DType::uint8);
  EXPECT_NO_THROW(floats.data<float>());
  EXPECT_THROW(floats.data<std::int64_t>(), TypeError);
  try {
    bytes.data<float>();
    FAIL() << "no exception";
  } catch (const TypeError& error) {
    EXPECT_STREQ(error.what(), "expected a tensor of float32; received uint8");
  }
}

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(dtype_name(DType::float32), "float32");
  EXPECT_EQ(dtype_name(DType::uint8), "uint8");
  EXPECT_EQ(dtype_name(DType::int64), "int64");
  EXPECT_EQ(dtype_size(DType::float32), sizeof(float));
  EXPECT_EQ(dtype_size(DType::uint8), sizeof(std::uint8_t));
  EXPECT_EQ(dtype_size(DType::int64), sizeof(std::int64_t));
  EXPECT_EQ(device_name(Device::cpu), "cpu");
}

TEST(Arena, MemoryIsAlignedAndWritable) {
  Arena arena(1001);
  EXPECT_EQ(arena.size(), 1001U);
  EXPECT_TRUE(aligned(arena.data()));
  arena.data()[1000] = std::byte{42};
  const Arena moved = std::move(arena);
  EXPECT_EQ(moved.data()[1000], std::byte{42});
  EXPECT_EQ(Arena().data(), nullptr);
}

}  // namespace
}  // namespace pycnn
