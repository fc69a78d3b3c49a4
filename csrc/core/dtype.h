#pragma once
// Element types of tensors.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pycnn {

enum class DType : std::uint8_t { float32, uint8, int64 };

std::size_t dtype_size(DType dtype) noexcept;
std::string_view dtype_name(DType dtype) noexcept;

template <typename T>
inline constexpr bool is_element = false;
template <>
inline constexpr bool is_element<float> = true;
template <>
inline constexpr bool is_element<std::uint8_t> = true;
template <>
inline constexpr bool is_element<std::int64_t> = true;

template <typename T>
constexpr DType dtype_of() noexcept {
  static_assert(is_element<T>, "tensors hold float32, uint8 or int64");
  if constexpr (sizeof(T) == 1) return DType::uint8;
  if constexpr (sizeof(T) == 8) return DType::int64;
  return DType::float32;
}

}  // namespace pycnn
