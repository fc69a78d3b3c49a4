// Chooses among the builds of the kernels (generic, avx2, avx512) at run time.

#include <atomic>
#include <cstdlib>

#include "core/error.h"
#include "ops/cpu/kernels.h"

namespace pycnn::cpu {

namespace generic {
extern const Kernels kernels;
}
#ifdef PYCNN_X86_KERNELS
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
#endif

namespace {

struct Isa {
  const char* name;
  const Kernels* kernels;
  bool available;
};

const std::vector<Isa>& all_isas() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> list{{"generic", &generic::kernels, true}};
#ifdef PYCNN_X86_KERNELS
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    list.push_back({"avx2", &avx2::kernels, avx2});
    list.push_back({"avx512", &avx512::kernels, avx512});
#endif
    return list;
  }();
  return isas;
}

const Isa* find(std::string_view name, const std::string& who) {
  std::string known;
  for (const Isa& isa : all_isas()) {
    if (isa.name == name) {
      if (!isa.available) {
        throw ValueError(who + ": this machine has no " + std::string(name) + " instructions");
      }
      return &isa;
    }
    known += known.empty() ? isa.name : std::string(", ") + isa.name;
  }
  throw ValueError(who + ": unknown instruction set '" + std::string(name) + "'; known: " + known);
}

const Isa* choose() {
  if (const char* forced = std::getenv("PYCNN_CPU_ISA"); forced != nullptr && *forced != '\0') {
    return find(forced, "PYCNN_CPU_ISA");
  }
  const Isa* best = nullptr;
  for (const Isa& isa : all_isas()) {
    if (isa.available) best = &isa;
  }
  return best;
}

std::atomic<const Isa*>& current() {
  static std::atomic<const Isa*> isa{choose()};
  return isa;
}

}  // namespace

const Kernels& kernels() { return *current().load(std::memory_order_relaxed)->kernels; }

std::string isa() { return current().load()->name; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : all_isas()) {
    if (isa.available) names.emplace_back(isa.name);
  }
  return names;
}

void set_isa(std::string_view name) { current().store(find(name, "set_cpu_isa")); }

}  // namespace pycnn::cpu
