#include "ops/permute.h"

#include <algorithm>

#include "core/error.h"

namespace pycnn {

PermuteGeometry permute_geometry(const Shape& input, const PermuteOptions& options,
                                 const std::string& who) {
  const std::size_t rank = input.size();
  if (rank > kPermuteRank) {
    throw ValueError(who + " at most " + std::to_string(kPermuteRank) +
                     " dimensions are supported; received input shape " + to_string_batched(input));
  }
  PermuteGeometry g{static_cast<int>(rank), {}, {}};
  bool fits = options.dims.size() == rank;
  for (int axis = 1; fits && axis <= g.rank; ++axis) {
    fits = std::count(options.dims.begin(), options.dims.end(), axis) == 1;
  }
  if (!fits) {
    throw ValueError(who + " dims must be the numbers 1 to " + std::to_string(rank) +
                     ", each once; got " +
                     to_string(Shape(options.dims.begin(), options.dims.end())) +
                     "; received input shape " + to_string_batched(input));
  }
  for (std::size_t i = 0; i < rank; ++i) {
    g.from[i] = options.dims[i] - 1;
    g.size[i] = static_cast<int>(input[static_cast<std::size_t>(g.from[i])]);
  }
  return g;
}

Shape permute_output_shape(const PermuteGeometry& g) { return Shape(g.size, g.size + g.rank); }

PermuteGeometry permute_inverse(const PermuteGeometry& g) {
  PermuteGeometry inverse{g.rank, {}, {}};
  for (int i = 0; i < g.rank; ++i) {
    inverse.from[g.from[i]] = i;
    inverse.size[g.from[i]] = g.size[i];
  }
  return inverse;
}

}  // namespace pycnn
