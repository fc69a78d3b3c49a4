#include <algorithm>
#include <initializer_list>

#include "ops/cuda/gemm_plan.cuh"

namespace pycnn::cuda {
namespace {

// Of an H200, for every GPU: the order of the sums must not depend on it.
constexpr int kMultiprocessors = 132;
constexpr int kThreadsWanted = 512;  // of each, so that loads in flight cover the memory's latency

// A part has some steps of the loop over the terms, and enough terms to be worth its sum's way
// through memory; two parts save less time than the second kernel takes.
constexpr int kPartSteps = 4, kPartTerms = 128;
constexpr std::int64_t kFewestParts = 3, kMostParts = 512;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Candidate {
  ProductPlan::Tile tile;
  TileSize size;

  std::int64_t tiles(const ProductSize& p) const {
    return ceil_div(p.rows, size.rows) * ceil_div(p.columns, size.columns);
  }
  // Sums that the tiles compute, whether they exist or not.
  std::int64_t sums(const ProductSize& p) const { return tiles(p) * size.rows * size.columns; }
};

ProductPlan cut(const ProductSize& p, const Candidate& c) {
  const std::int64_t steps = ceil_div(p.depth, c.size.depth);
  const std::int64_t wanted = kMultiprocessors * kThreadsWanted / c.size.threads /
                              std::max<std::int64_t>(c.tiles(p) * p.count, 1);
  const std::int64_t least_steps = std::max(kPartSteps, kPartTerms / c.size.depth);
  std::int64_t parts = std::min({wanted, steps / least_steps, kMostParts});
  if (parts < kFewestParts) parts = 1;
  const std::int64_t part_steps = std::max<std::int64_t>(ceil_div(steps, parts), 1);
  return {c.tile, static_cast<unsigned>(ceil_div(p.rows, c.size.rows)),
          static_cast<unsigned>(ceil_div(p.columns, c.size.columns)),
          static_cast<unsigned>(std::max<std::int64_t>(ceil_div(steps, part_steps), 1)),
          static_cast<unsigned>(part_steps * c.size.depth)};
}

// The first of `tiles`, which do more per byte than the others, that wastes at most a third of its
// work and gives every multiprocessor some; else the one of `rest` that wastes least.
ProductPlan choose(const ProductSize& p, std::initializer_list<Candidate> tiles,
                   std::initializer_list<Candidate> rest) {
  const auto less = [&](const Candidate& a, const Candidate& b) { return a.sums(p) < b.sums(p); };
  const Candidate& fallback = *std::min_element(rest.begin(), rest.end(), less);
  for (const Candidate& c : tiles) {
    const ProductPlan plan = cut(p, c);
    if (2 * c.sums(p) <= 3 * fallback.sums(p) && plan.blocks(p.count) >= kMultiprocessors) {
      return plan;
    }
  }
  return cut(p, fallback);
}

}  // namespace

ProductPlan plan_product(const ProductSize& size, Precision precision) {
  using Tile = ProductPlan::Tile;
  if (precision == Precision::float32) {
    return choose(size, {{Tile::large, kLargeTile}, {Tile::medium, kMediumTile}},
                  {{Tile::small, kSmallTile}, {Tile::narrow, kNarrowTile}});
  }
  const int terms = precision == Precision::bf16 ? 2 : 1;  // of a word
  TileSize large = kLargeTensorTile, small = kSmallTensorTile;
  large.depth *= terms;
  small.depth *= terms;
  return choose(size, {{Tile::large, large}}, {{Tile::small, small}});
}

std::int64_t partial_floats(const ProductSize& size, unsigned parts) {
  return std::int64_t{parts} * size.count * partial_rows(size) * partial_quads(size) * 4;
}

std::int64_t product_scratch(const ProductSize& size) {
  std::int64_t floats = 0;
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bf16}) {
    const unsigned parts = plan_product(size, precision).parts;
    if (parts > 1) floats = std::max(floats, partial_floats(size, parts));
  }
  return floats;
}

}  // namespace pycnn::cuda
