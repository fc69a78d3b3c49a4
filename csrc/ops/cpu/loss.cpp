#include "ops/loss.h"

#include <math.h>

#include "ops/cpu/math.h"

namespace pycnn::cpu::PYCNN_ISA {
namespace {

// The target of class c for the lanes of one group.
V target(Targets t, int c, int lane) {
  if (t.rows != nullptr) return load(t.rows + c * kLanes + lane);
  V v{};
  for (int l = 0; l < W; ++l) v[l] = t.labels[lane + l] == c ? 1.0f : 0.0f;
  return v;
}

// The class that image l belongs to: its label, or the first largest of its row.
int true_class(int classes, Targets t, int l) {
  if (t.rows == nullptr) return static_cast<int>(t.labels[l]);
  int best = 0;
  for (int c = 1; c < classes; ++c) {
    if (t.rows[c * kLanes + l] > t.rows[best * kLanes + l]) best = c;
  }
  return best;
}

void write_ranks(int classes, const float* z, Targets t, int count, std::int32_t* rank) {
  for (int l = 0; l < count; ++l) {
    const int truth = true_class(classes, t, l);
    const float mine = z[truth * kLanes + l];
    std::int32_t higher = 0;
    for (int c = 0; c < classes; ++c) {
      const float other = z[c * kLanes + l];
      higher += c < truth ? other >= mine : other > mine;
    }
    rank[l] = mine == mine ? higher : classes;  // a NaN is no prediction
  }
}

V log_lanes(V v) {
  V y{};
  for (int l = 0; l < W; ++l) y[l] = ::logf(v[l]);  // not std::log: see PYCNN_INLINE
  return y;
}

// `scale` for the lanes that hold an image, 0 for the others.
V lane_scale(int count, float scale, int lane) {
  V v{};
  for (int l = 0; l < W; ++l) v[l] = lane + l < count ? scale : 0.0f;
  return v;
}

void store_loss(float* loss, V value, int count, int lane) {
  for (int l = 0; l < W; ++l) loss[lane + l] = lane + l < count ? value[l] : 0.0f;
}

void softmax_cross_entropy(int classes, const float* z, Targets t, int count, float scale,
                           float* loss, std::int32_t* rank, float* dz) {
  for (int lane = 0; lane < kLanes; lane += W) {
    V largest = load(z + lane);
    for (int c = 1; c < classes; ++c) {
      const V v = load(z + c * kLanes + lane);
      largest = ((v > largest) | (v != v)) ? v : largest;
    }
    V sum{}, target_sum{}, value{};
    for (int c = 0; c < classes; ++c) {
      const V shifted = load(z + c * kLanes + lane) - largest;
      const V tc = target(t, c, lane);
      sum += exp(shifted);
      target_sum += tc;
      value -= (tc == V{}) ? V{} : tc * shifted;
    }
    store_loss(loss, value + target_sum * log_lanes(sum), count, lane);
    if (dz == nullptr) continue;
    const V factor = lane_scale(count, scale, lane);
    const V share = target_sum / sum;
    for (int c = 0; c < classes; ++c) {
      const V e = exp(load(z + c * kLanes + lane) - largest);
      const V d = (e * share - target(t, c, lane)) * factor;
      store(dz + c * kLanes + lane, factor == V{} ? V{} : d);
    }
  }
  write_ranks(classes, z, t, count, rank);
}

V clip_probability(V p) {
  const V floor = splat(kProbabilityFloor);
  const V ceiling = splat(1.0f - kProbabilityFloor);
  const V raised = p < floor ? floor : p;
  return raised > ceiling ? ceiling : raised;
}

void cross_entropy(int classes, const float* p, Targets t, int count, float scale, float* loss,
                   std::int32_t* rank, float* dp) {
  for (int lane = 0; lane < kLanes; lane += W) {
    V sum{}, target_sum{}, value{};
    for (int c = 0; c < classes; ++c) {
      const V clipped = clip_probability(load(p + c * kLanes + lane));
      const V tc = target(t, c, lane);
      sum += clipped;
      target_sum += tc;
      value -= tc * log_lanes(clipped);
    }
    store_loss(loss, value + target_sum * log_lanes(sum), count, lane);
    if (dp == nullptr) continue;
    const V factor = lane_scale(count, scale, lane);
    for (int c = 0; c < classes; ++c) {
      const V v = load(p + c * kLanes + lane);
      const V clipped = clip_probability(v);
      const V d = (target_sum / sum - target(t, c, lane) / clipped) * factor;
      store(dp + c * kLanes + lane, ((factor == V{}) | (v != clipped)) ? V{} : d);
    }
  }
  write_ranks(classes, p, t, count, rank);
}

void mean_squared_error(int classes, const float* p, Targets t, int count, float scale, float* loss,
                        std::int32_t* rank, float* dp) {
  const float n = static_cast<float>(classes);
  for (int lane = 0; lane < kLanes; lane += W) {
    const V factor = lane_scale(count, scale, lane) * (2.0f / n);
    V sum{};
    for (int c = 0; c < classes; ++c) {
      const V difference = load(p + c * kLanes + lane) - target(t, c, lane);
      sum += difference * difference;
      if (dp != nullptr) {
        store(dp + c * kLanes + lane, factor == V{} ? V{} : difference * factor);
      }
    }
    store_loss(loss, sum / n, count, lane);
  }
  write_ranks(classes, p, t, count, rank);
}

}  // namespace

extern const LossKernels loss_kernels;
const LossKernels loss_kernels{softmax_cross_entropy, cross_entropy, mean_squared_error};

}  // namespace pycnn::cpu::PYCNN_ISA
