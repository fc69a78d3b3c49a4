#pragma once
// MNIST's files (IDX format, unpacked) as tensors.

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

#include "core/tensor.h"

// The bytes of an IDX file of `rank` dimensions: 0, 0, 8 (bytes), rank, then each dimension as a
// big-endian 32-bit number, then the elements in row-major order.
inline pycnn::Tensor read_idx(const std::string& path, std::size_t rank) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const auto number = [&] {
    unsigned char b[4] = {};
    file.read(reinterpret_cast<char*>(b), 4);
    return std::int64_t{b[0]} << 24 | b[1] << 16 | b[2] << 8 | b[3];
  };
  if (number() != static_cast<std::int64_t>(0x800 + rank)) {
    throw std::runtime_error(path + " is no IDX file of bytes with " + std::to_string(rank) +
                             " dimensions (is it still compressed?)");
  }
  pycnn::Shape shape;
  for (std::size_t i = 0; i < rank; ++i) shape.push_back(number());
  // The header is believed only when the file is as long as it says.
  const std::streamoff start = file.tellg();
  file.seekg(0, std::ios::end);
  if (!file || file.tellg() - start != pycnn::element_count(shape)) {
    throw std::runtime_error(path + " is not as long as its header says: damaged?");
  }
  file.seekg(start);
  pycnn::Tensor bytes(shape, pycnn::DType::uint8);
  file.read(static_cast<char*>(bytes.raw_data()), static_cast<std::streamsize>(bytes.nbytes()));
  if (!file) throw std::runtime_error("cannot read " + path);
  return bytes;
}
