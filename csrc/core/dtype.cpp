#include "core/dtype.h"

namespace pycnn {

std::size_t dtype_size(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return 4;
    case DType::uint8:
      return 1;
    case DType::int64:
      return 8;
  }
  return 0;
}

std::string_view dtype_name(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::uint8:
      return "uint8";
    case DType::int64:
      return "int64";
  }
  return "unknown";
}

}  // namespace pycnn
