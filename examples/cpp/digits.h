#pragma once
// Data for the example: MNIST from a folder, or pictures made by a formula.

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/tensor.h"
#include "idx.h"

struct Digits {
  pycnn::Tensor images;  // uint8 (count, 28, 28, 1)
  pycnn::Tensor labels;  // int64 (count,)
};

// `part` is "train" or "t10k": the names of MNIST's files.
inline Digits read_mnist(const std::string& folder, const std::string& part) {
  using namespace pycnn;
  const Tensor images = read_idx(folder + "/" + part + "-images-idx3-ubyte", 3);
  const Tensor bytes = read_idx(folder + "/" + part + "-labels-idx1-ubyte", 1);
  const std::int64_t count = bytes.size();
  if (images.shape() != Shape{count, 28, 28}) {
    throw std::runtime_error("expected " + std::to_string(count) + " images of 28x28, as many as " +
                             "labels; got " + to_string(images.shape()));
  }
  Tensor labels({count}, DType::int64);
  std::copy_n(bytes.data<std::uint8_t>(), count, labels.data<std::int64_t>());
  return {images.reshape({count, 28, 28, 1}), labels};
}

// Noise with a bright bar whose height tells the class: nothing but whole numbers, so that any
// language makes the same ones. `first` is the number of the first picture.
inline Digits make_pictures(std::int64_t first, std::int64_t count) {
  using namespace pycnn;
  const auto hash = [](std::uint32_t n) {
    n *= 2654435761U;
    n ^= n >> 15;
    n *= 2246822519U;
    return n ^ n >> 13;
  };
  Digits d{Tensor({count, 28, 28, 1}, DType::uint8), Tensor({count}, DType::int64)};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto picture = static_cast<std::uint32_t>(first + i);
    const std::uint32_t label = hash(picture) % 10;
    d.labels.data<std::int64_t>()[i] = label;
    std::uint8_t* pixels = d.images.data<std::uint8_t>() + i * 784;
    for (std::uint32_t p = 0; p < 784; ++p) {
      const std::uint32_t row = p / 28, bar = 2 * label + 4;
      const std::uint32_t noise = hash(picture * 784 + p) % 160;
      pixels[p] = static_cast<std::uint8_t>(row == bar || row == bar + 1 ? noise + 90 : noise);
    }
  }
  return d;
}
