#include <limits>

#include "graph/plan_builder.h"
#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/kernels.h"

namespace pycnn {
namespace {

ParameterId bias_of(const Node& node) {
  return node.parameters.size() > 1 ? node.parameters[1] : -1;
}

// dz: the gradient of the plain convolution's output, with the halo that backward_input reads.
BufferId output_gradient(PlanBuilder& b, const Group& group, const Halo& halo) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(group.output);
  const bool bare = !group.pool && !group.relu;
  if (bare && (!b.wants_halo(halo) || b.try_widen_halo(dy, halo))) return dy;
  const BufferId dz = b.new_buffer(b.shape(n.output), n.name + " gradient");
  b.widen_halo(dz, halo);
  if (group.pool) {
    const BufferId code = b.saved(group);
    b.emit(Conv2dPoolBackward{dy, code, dz}, n.who(), {dy, code}, {dz});
  } else if (group.relu) {
    const BufferId y = b.value(group.output);
    b.emit(ActivationBackward{Activation::relu, dy, y, dz}, n.who(), {dy, y}, {dz});
  } else {
    b.emit(Rescale{1.0f, 0.0f, dy, dz}, n.who(), {dy}, {dz});
  }
  return dz;
}

// How the gradients of a convolution with pooling are computed: from dz, which is zero but for one
// sum of each window, or at once from the pooled gradient, `by_image` with lanes along the patch
// that a sum reads, or for `short_runs` as is faster with the instruction set in use. Thresholds
// from timing (AVX-512, AVX2) some 30 sizes with images in the lanes, 20 with channels.
struct PoolGradients {
  enum class Params : std::uint8_t { from_dz, short_runs, by_image } params = Params::from_dz;
  bool input_by_image = false;

  PoolGradients(const Group& group, const Conv2dGeometry& g, Lanes lanes) {
    if (!group.pool) return;
    if (lanes == Lanes::channels) {
      choose_by_channels(g);
    } else {
      choose_by_images(g);
    }
  }

 private:
  // Kernels find by 32 bits what lies in their scratch, or in an image.
  static bool fits(std::int64_t size) { return size <= std::numeric_limits<std::int32_t>::max(); }

  void choose_by_images(const Conv2dGeometry& g) {
    const cpu::PatchColumns p(g);
    const std::int64_t vectors = p.patch / cpu::kLanes;
    if (cpu::has_short_runs(g)) {
      if (g.kernel_height > 1 && fits(cpu::PoolRowsScratch(g).size)) params = Params::short_runs;
      return;
    }
    if (vectors >= 4 && fits(cpu::PoolBackwardParamsScratch(g).size)) params = Params::by_image;
    // Enough channels to meet in a patch.
    input_by_image = vectors * g.out_channels >= 160 && fits(cpu::PoolBackwardInputScratch(g).size);
  }

  // A pixel must be a whole number of vectors: then runs of pixels are. Twice an image, since
  // kernels look one window ahead.
  void choose_by_channels(const Conv2dGeometry& g) {
    const Halo halo = conv2d_input_halo(g);
    const std::int64_t rows = std::int64_t{g.in_height} + halo.top + halo.bottom;
    const std::int64_t columns = std::int64_t{g.in_width} + halo.left + halo.right;
    if (g.in_channels % cpu::kLanes != 0 || !fits(2 * rows * columns * g.in_channels)) return;
    const std::int64_t run = std::int64_t{g.kernel_width} * g.in_channels / cpu::kLanes;
    if (g.kernel_height * run >= 4) params = Params::by_image;
    input_by_image = run >= 3 && g.out_channels >= 16 && run * g.out_channels >= 72;
  }
};

BufferId new_scratch(PlanBuilder& b, std::int64_t floats, const std::string& name) {
  const BufferId id = b.new_buffer({floats / cpu::kLanes}, name + " scratch");
  b.buffer(id).per_image = false;
  return id;
}

// Forward and backward of any convolution but for pooling; one with a channel in each group goes by
// the kernels of the depthwise one.
void lower_plain(PlanBuilder& b, const Group& group, const Conv2dGeometry& g, bool depthwise) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  const ParameterId kernel = n.parameters[0], bias = bias_of(n);
  if (depthwise) {
    b.emit(DepthwiseConv2dForward{g, x, y, kernel, bias, group.relu}, n.who(), {x}, {y});
  } else {
    b.emit(Conv2dForward{g, x, y, kernel, bias, group.relu}, n.who(), {x}, {y});
  }
}

void pool_backward_params(PlanBuilder& b, const Group& group, const Conv2dGeometry& g,
                          PoolGradients::Params how) {
  const Node& n = b.node(group);
  const BufferId x = b.value(n.input()), dy = b.gradient(group.output), code = b.saved(group);
  if (b.lanes() == Lanes::channels) {
    b.emit(Conv2dPoolBackwardParams{g, x, dy, code, -1, n.parameters[0], bias_of(n)}, n.who(),
           {x, dy, code}, {});
    return;
  }
  const bool short_runs = how == PoolGradients::Params::short_runs;
  BufferId work = -1;
  if (!short_runs || !cpu::kernels().conv2d->selects_short_runs) {
    const std::int64_t floats =
        short_runs ? cpu::PoolRowsScratch(g).size : cpu::PoolBackwardParamsScratch(g).size;
    work = new_scratch(b, floats, n.name);
  }
  b.emit(Conv2dPoolBackwardParams{g, x, dy, code, work, n.parameters[0], bias_of(n)}, n.who(),
         {x, dy, code}, {work});
}

void pool_backward_input(PlanBuilder& b, const Group& group, const Conv2dGeometry& g, BufferId dx) {
  const Node& n = b.node(group);
  const BufferId dy = b.gradient(group.output), code = b.saved(group);
  if (b.lanes() == Lanes::channels) {
    b.emit(Conv2dPoolBackwardInput{g, dy, code, -1, dx, n.parameters[0]}, n.who(), {dy, code},
           {dx});
    return;
  }
  const BufferId work = new_scratch(b, cpu::PoolBackwardInputScratch(g).size, n.name + " input");
  b.emit(Conv2dPoolBackwardInput{g, dy, code, work, dx, n.parameters[0]}, n.who(), {dy, code},
         {work, dx});
}

void lower_gradients(PlanBuilder& b, const Group& group, const Conv2dGeometry& g, bool depthwise) {
  const Node& n = b.node(group);
  const bool needs_dx = b.wants_gradient(n.input());
  const PoolGradients how(group, g, b.lanes());
  const bool plain_params = how.params == PoolGradients::Params::from_dz;
  const bool plain_input = needs_dx && !how.input_by_image;
  if (!plain_params) pool_backward_params(b, group, g, how.params);
  const BufferId dz =
      plain_params || plain_input
          ? output_gradient(b, group, plain_input ? conv2d_gradient_halo(g) : Halo{})
          : -1;
  const ParameterId kernel = n.parameters[0];
  if (plain_params) {
    const BufferId x = b.value(n.input());
    if (depthwise) {
      b.emit(DepthwiseConv2dBackwardParams{g, x, dz, kernel, bias_of(n)}, n.who(), {x, dz}, {});
    } else {
      b.emit(Conv2dBackwardParams{g, x, dz, kernel, bias_of(n)}, n.who(), {x, dz}, {});
    }
  }
  if (!needs_dx) return;
  const BufferId dx = b.new_buffer(b.shape(n.input()), n.name + " input gradient");
  if (how.input_by_image) {
    pool_backward_input(b, group, g, dx);
  } else if (depthwise) {
    b.emit(DepthwiseConv2dBackwardInput{g, dz, dx, kernel}, n.who(), {dz}, {dx});
  } else {
    const BufferId base = b.convolutions_add() ? b.gradient(n.input()) : -1;
    b.emit(Conv2dBackwardInput{g, dz, base, dx, kernel}, n.who(), {dz, base}, {dx});
    if (base >= 0) return b.set_gradient(n.input(), dx);
  }
  b.add_gradient(n.input(), dx, n.who());
}

}  // namespace

void lower(PlanBuilder& b, const Group& group, const Conv2dOptions& options) {
  const Node& n = b.node(group);
  const Conv2dGeometry g = conv2d_geometry(b.shape(n.input()), options, n.who());
  if (!group.pool) return lower_plain(b, group, g, is_depthwise(g));
  const BufferId x = b.value(n.input()), y = b.make_value(group.output, n.name);
  const bool winograd = b.lanes() == Lanes::images && cpu::suits_winograd_pool(g);
  BufferId code = -1;
  if (b.differentiates() || !winograd) {
    code = b.new_buffer(b.shape(group.output), n.name + " pooling codes");
    b.buffer(code).element_size = 1;
    b.save(group, code);
  }
  const BufferId work =
      winograd ? new_scratch(b, cpu::WinogradPoolScratch(g).size, n.name + " forward") : -1;
  b.emit(Conv2dPoolForward{g, x, work, y, code, n.parameters[0], bias_of(n), group.relu}, n.who(),
         {x}, {work, y, code});
}

void lower_back(PlanBuilder& b, const Group& group, const Conv2dOptions& options) {
  const Node& n = b.node(group);
  const Conv2dGeometry g = conv2d_geometry(b.shape(n.input()), options, n.who());
  lower_gradients(b, group, g, is_depthwise(g));
}

void lower(PlanBuilder& b, const Group& group, const DepthwiseConv2dOptions& options) {
  const Node& n = b.node(group);
  lower_plain(b, group, depthwise_conv2d_geometry(b.shape(n.input()), options, n.who()), true);
}

void lower_back(PlanBuilder& b, const Group& group, const DepthwiseConv2dOptions& options) {
  const Node& n = b.node(group);
  lower_gradients(b, group, depthwise_conv2d_geometry(b.shape(n.input()), options, n.who()), true);
}

}  // namespace pycnn
