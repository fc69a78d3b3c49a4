// What CpuExecutor does with all blocks of a batch at once: the weights' gradients of dense layers,
// host layers, the meeting points of batch normalization, and the search for the first number that
// is not finite.

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "runtime/executor_cpu.h"
#include "runtime/host_layer.h"

namespace pycnn {

using cpu::kLanes;

// ---- dense layers: the weights' gradient, from the rows of all images

void CpuExecutor::run_on_kept(const BlockRunner& runner, const Instruction& instruction,
                              Team& team) {
  const auto& i = std::get<DenseBackwardParams>(instruction.operation);
  float* bias = i.bias < 0 ? nullptr : first_partial(i.bias);
  runner.kernels().dense_channels->backward_params(team, i.g, kept_rows(i.x), kept_rows(i.dz),
                                                   instruction.accumulate, first_partial(i.kernel),
                                                   bias);
}

// ---- host layers: the whole batch as one NHWC array

Tensor CpuExecutor::collect(const BlockRunner& runner, BufferId from, const Shape& image_shape) {
  Shape shape = image_shape;
  shape.insert(shape.begin(), count_);
  Tensor images(shape);
  const std::int64_t size = element_count(image_shape);
  for (std::int64_t b = 0; b < blocks_; ++b) {
    runner.save(block(b, 0), from, images.data<float>() + b * kLanes * size);
  }
  return images;
}

void CpuExecutor::distribute(const BlockRunner& runner, BufferId to, const Tensor& images) {
  const std::int64_t size = images.size() / count_;
  for (std::int64_t b = 0; b < blocks_; ++b) {
    runner.load(block(b, 0), to, images.data<float>() + b * kLanes * size);
  }
}

std::vector<Tensor> CpuExecutor::host_weights(const Node& node) const {
  std::vector<Tensor> weights;
  for (ParameterId id : node.parameters) {
    // A copy: the host program may keep what it is given for longer than the network lives.
    Tensor w(graph_.parameters()[static_cast<std::size_t>(id)].shape);
    std::copy_n(parameters_.at(id), w.size(), w.data<float>());
    weights.push_back(std::move(w));
  }
  return weights;
}

void CpuExecutor::run_leader(const BlockRunner& runner, const Instruction& instruction) {
  std::visit(
      [&](const auto& operation) {
        if constexpr (requires { lead(runner, operation); }) lead(runner, operation);
      },
      instruction.operation);
}

float* CpuExecutor::first_partial(ParameterId id) {
  return reinterpret_cast<float*>(gradients_.data()) + parameters_.offset(id);
}

void CpuExecutor::lead(const BlockRunner& runner, const HostForward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor x = collect(runner, i.x, graph_.shape(node.input()));
  const bool training = is_training(plan_.kind);
  const Tensor y =
      std::get<HostOptions>(node.options).layer->forward(x, host_weights(node), training);
  check_host_output(graph_, node, count_, y);
  distribute(runner, i.y, y);
}

void CpuExecutor::lead(const BlockRunner& runner, const HostBackward& i) {
  const Node& node = graph_.nodes()[static_cast<std::size_t>(i.node)];
  const Tensor dy = collect(runner, i.dy, graph_.shape(node.output));
  const auto gradients =
      std::get<HostOptions>(node.options).layer->backward(dy, host_weights(node));
  check_host_gradients(graph_, node, count_, gradients);
  if (i.dx >= 0) distribute(runner, i.dx, gradients.input);
  for (std::size_t p = 0; p < node.parameters.size(); ++p) {
    const ParameterId id = node.parameters[p];
    const Tensor& g = gradients.weights[p];
    // Into the first partial sum; nobody writes these places of the others.
    std::copy_n(g.data<float>(), g.size(), first_partial(id));
  }
}

// ---- batch normalization: what the blocks found, combined in order

// A statistic as this step has left it so far: nodes may share it.
const float* CpuExecutor::newest(ParameterId id) const {
  for (std::size_t m = moved_.size(); m-- > 0;) {
    if (moved_[m].id == id) return moved_[m].values.data();
  }
  return parameters_.at(id);
}

// Calls set(pairs) for the first block, and gives the others copies.
template <typename F>
void CpuExecutor::give_blocks(const BlockRunner& runner, int channels, BufferId to, F set) {
  const BlockRunner::Pairs first = runner.pairs(block(0, 0), to);
  set(first);
  for (std::int64_t index = 1; index < blocks_; ++index) {
    const BlockRunner::Pairs copy = runner.pairs(block(index, 0), to);
    std::copy_n(first.first, channels, copy.first);
    std::copy_n(first.second, channels, copy.second);
  }
}

void CpuExecutor::lead(const BlockRunner& runner, const BatchNormMoving& i) {
  const float* mean = parameters_.at(i.moving_mean);
  const float* variance = parameters_.at(i.moving_variance);
  give_blocks(runner, i.channels, i.statistics, [&](const BlockRunner::Pairs& statistics) {
    set_moving_statistics(i, mean, variance, statistics);
  });
}

void CpuExecutor::lead(const BlockRunner& runner, const BatchNormCombine& i) {
  const auto channels = static_cast<std::size_t>(i.channels);
  std::vector<double> m(channels), deviation(channels);
  double n = 0;
  for (std::int64_t index = 0; index < blocks_; ++index) {
    // Chan, Golub and LeVeque 1979: mean and squared deviations of a union from those of its parts.
    const Block b = block(index, 0);
    const auto part = runner.pairs(b, i.partial);
    const double part_n = static_cast<double>(i.positions) * b.count;
    const double weight = part_n / (n + part_n), both = n * weight;
    for (std::size_t c = 0; c < channels; ++c) {
      const double delta = double(part.first[c]) - m[c];
      m[c] += delta * weight;
      deviation[c] += double(part.second[c]) + delta * delta * both;
    }
    n += part_n;
  }
  give_blocks(runner, i.channels, i.statistics, [&](const BlockRunner::Pairs& statistics) {
    for (std::size_t c = 0; c < channels; ++c) {
      const double variance = deviation[c] / n;
      statistics.first[c] = static_cast<float>(m[c]);
      statistics.second[c] =
          static_cast<float>(1.0 / std::sqrt(variance + double(i.options.epsilon)));
    }
  });
  Moved mean{i.moving_mean, {}}, variance{i.moving_variance, {}};
  const float* old_mean = newest(i.moving_mean);
  const float* old_variance = newest(i.moving_variance);
  const float keep = i.options.momentum;
  for (std::size_t c = 0; c < channels; ++c) {
    mean.values.push_back(keep * old_mean[c] + (1.0f - keep) * static_cast<float>(m[c]));
    variance.values.push_back(keep * old_variance[c] +
                              (1.0f - keep) * static_cast<float>(deviation[c] / n));
  }
  moved_.push_back(std::move(mean));
  moved_.push_back(std::move(variance));
}

void CpuExecutor::lead(const BlockRunner& runner, const BatchNormBackwardCombine& i) {
  const auto channels = static_cast<std::size_t>(i.channels);
  const double n = static_cast<double>(i.positions) * static_cast<double>(count_);
  std::vector<double> sum_dy(channels), sum_dyh(channels);
  for (std::int64_t index = 0; index < blocks_; ++index) {
    const auto part = runner.pairs(block(index, 0), i.partial);
    for (std::size_t c = 0; c < channels; ++c) {
      sum_dy[c] += double(part.first[c]);
      sum_dyh[c] += double(part.second[c]);
    }
  }
  give_blocks(runner, i.channels, i.means, [&](const BlockRunner::Pairs& means) {
    for (std::size_t c = 0; c < channels; ++c) {
      means.first[c] = static_cast<float>(sum_dy[c] / n);
      means.second[c] = static_cast<float>(sum_dyh[c] / n);
    }
  });
  // Into the first partial sum; nobody writes these places of the others.
  const auto give = [&](ParameterId id, const std::vector<double>& sums) {
    if (id < 0) return;
    float* gradient = first_partial(id);
    for (std::size_t c = 0; c < channels; ++c) {
      gradient[c] = (i.accumulate ? gradient[c] : 0.0f) + static_cast<float>(sums[c]);
    }
  };
  give(i.beta, sum_dy);
  give(i.gamma, sum_dyh);
}

// ---- diagnosis

namespace {

bool are_finite(const float* values, std::int64_t count) {
  return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });
}

std::string describe(const Instruction& instruction) {
  if (instruction.layer == "[Input]" ||
      std::holds_alternative<AugmentGather>(instruction.operation)) {
    return "the input data are not finite";
  }
  if (instruction.layer == "[targets]") return "the targets are not finite";
  const std::string what = instruction.forward ? "output" : "gradient";
  return "the first " + what + " that is not finite is that of " + instruction.layer;
}

}  // namespace

std::string CpuExecutor::non_finite_weight() const {
  for (std::size_t i = 0; i < graph_.parameters().size(); ++i) {
    const Parameter& p = graph_.parameters()[i];
    if (!are_finite(parameters_.at(static_cast<ParameterId>(i)), element_count(p.shape))) {
      return "the weights '" + p.name + "' of layer '" + p.layer + "' are not finite";
    }
  }
  return "";
}

// Backward goes from the last layer to the first.
std::string CpuExecutor::non_finite_gradient() const {
  for (std::size_t i = graph_.parameters().size(); i-- > 0;) {
    const Parameter& p = graph_.parameters()[i];
    if (!p.trainable) continue;
    std::vector<float> gradient(static_cast<std::size_t>(element_count(p.shape)));
    copy_gradient(static_cast<ParameterId>(i), gradient.data());
    if (!are_finite(gradient.data(), element_count(p.shape))) {
      return "the gradient of the weights '" + p.name + "' of layer '" + p.layer +
             "' is not finite";
    }
  }
  return "";
}

// What an instruction has written for some blocks; "" when all is finite.
std::string CpuExecutor::non_finite_result(const BlockRunner& runner, const Instruction& i,
                                           std::int64_t first, std::int64_t end) {
  for (std::int64_t b = first; b < end; ++b) {
    for (BufferId id : i.writes) {
      if (!runner.is_finite(block(b, 0), id)) return describe(i);
    }
  }
  return "";
}

// The instructions of a stage one by one, each for all blocks.
std::string CpuExecutor::non_finite_in_batch(const BlockRunner& runner, const Batch& batch,
                                             const Stage& stage) {
  for (std::size_t i = stage.begin; i < stage.end; ++i) {
    const Instruction& instruction = plan_.program[i];
    if (stage.by == Runs::team && channels()) {
      const ChannelRunner all(runner.kernels(), *program_, parameters_, batch, channel_memory());
      solo_run([&](Team& team) { all.run(i, i + 1, team); }, workspaces_);
    } else if (stage.by == Runs::team) {
      solo_run([&](Team& team) { run_on_kept(runner, instruction, team); });
    } else {
      run_leader(runner, instruction);
    }
    std::string found = non_finite_result(runner, instruction, 0, blocks_);
    if (!found.empty()) return found;
  }
  return "";
}

// The blocks one by one, each through the stage: they may share an arena.
std::string CpuExecutor::non_finite_in_blocks(const BlockRunner& runner, const Stage& stage) {
  for (std::int64_t b = 0; b < blocks_; ++b) {
    for (std::size_t i = stage.begin; i < stage.end; ++i) {
      runner.run(plan_.program[i], block(b, 0));
      std::string found = non_finite_result(runner, plan_.program[i], b, b + 1);
      if (!found.empty()) return found;
    }
  }
  return "";
}

std::string CpuExecutor::first_non_finite(const Batch& batch) {
  if (std::string found = non_finite_weight(); !found.empty()) return found;
  const cpu::Kernels& kernels = cpu::kernels();
  prepare(batch, kernels);
  const BlockRunner runner(kernels, plan_, parameters_, batch);
  for (const Stage& stage : stages_) {
    std::string found = stage.by == Runs::blocks ? non_finite_in_blocks(runner, stage)
                                                 : non_finite_in_batch(runner, batch, stage);
    if (!found.empty()) return found;
  }
  if (has_gradients_) {
    if (std::string found = non_finite_gradient(); !found.empty()) return found;
  }
  return "all layers' outputs and gradients are finite, the loss itself is not";
}

}  // namespace pycnn
