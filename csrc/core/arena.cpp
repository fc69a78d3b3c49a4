#include "core/arena.h"

#include <new>

#include "core/error.h"

namespace pycnn {

Arena::Arena(std::size_t bytes)
    : data_(static_cast<std::byte*>(
          ::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow))),
      size_(bytes) {
  if (!data_) throw MemoryError(bytes);
}

void Arena::Free::operator()(std::byte* p) const noexcept {
  ::operator delete(p, std::align_val_t{kAlignment});
}

}  // namespace pycnn
