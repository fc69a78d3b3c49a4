#include "core/arena.h"

#include <new>

#ifdef __linux__
#include <sys/mman.h>

#include <cstdint>
#endif

#include "core/error.h"

namespace pycnn {
namespace {

// Pages of 2 MiB wherever a whole one fits: with those of 4 KiB a pass over a batch looks up so
// many addresses that a step of a ResNet takes longer. Advice alone, which the system may ignore.
void ask_for_huge_pages([[maybe_unused]] std::byte* data, [[maybe_unused]] std::size_t bytes) {
#ifdef __linux__
  constexpr std::uintptr_t kPage = std::uintptr_t{2} << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (address + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (address + bytes) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace

Arena::Arena(std::size_t bytes)
    : data_(static_cast<std::byte*>(
          ::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow))),
      size_(bytes) {
  if (!data_) throw MemoryError(bytes);
  ask_for_huge_pages(data_.get(), bytes);
}

void Arena::Free::operator()(std::byte* p) const noexcept {
  ::operator delete(p, std::align_val_t{kAlignment});
}

}  // namespace pycnn
