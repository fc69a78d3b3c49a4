#include "runtime/cuda/small_net.h"

#include <algorithm>

#include "core/environment.h"
#include "runtime/backend.h"
#include "runtime/cuda/small_net_form.h"

namespace pycnn::cuda {
namespace {

// Floats of all layers' inputs and output gradients, of one image.
std::int64_t saved_floats(const small_net::Net& net) {
  std::int64_t floats = 0;
  for (int i = 0; i < net.dense_count; ++i) {
    floats += net.denses[i].x_row() + net.denses[i].dz_row();
  }
  return floats;
}

}  // namespace

bool small_nets_wanted() { return environment_switch("PYCNN_CUDA_SMALL_NET") && fusion_wanted(); }

std::unique_ptr<SmallNet> SmallNet::make(const Plan& plan, const Graph& graph,
                                         const DeviceWeights& weights) {
  auto form = small_form(plan, graph, weights);
  if (!form) return nullptr;
  const std::size_t limit = small_net::shared_limit();
  if (!lay_out(form->net, 1, limit)) return nullptr;
  return std::unique_ptr<SmallNet>(new SmallNet(form->net, form->loss_weight, limit));
}

bool SmallNet::prepare(std::int64_t count) {
  small_net::Net net = net_;
  lay_out(net, count, limit_);
  const auto floats = [](std::int64_t n) { return static_cast<std::size_t>(n) * sizeof(float); };
  bool moved = saved_.reserve(floats(count * saved_floats(net)));
  if (parts_.reserve(floats(net.blocks() * net.part_size))) {
    moved = true;
    // What lies between weights stays zero.
    clear(parts_.as<void>(), parts_.size(), "preparing a small net");
  }
  return moved;
}

void SmallNet::enqueue(const Data& data, int count, Step* step, const WorkStream& stream) const {
  small_net::Net net = net_;
  lay_out(net, count, limit_);
  net.images = data.images;
  net.labels = data.labels;
  net.losses = data.losses;
  net.ranks = data.ranks;
  net.step = step;
  net.loss_scale = loss_weight_ / static_cast<float>(count);
  net.parts = parts_.as<float>();
  float* saved = saved_.as<float>();
  for (int i = 0; i < net.dense_count; ++i) {
    small_net::Dense& d = net.denses[i];
    d.saved_x = saved;
    d.saved_dz = d.saved_x + std::int64_t{count} * d.x_row();
    saved = d.saved_dz + std::int64_t{count} * d.dz_row();
  }
  small_net::images(net, stream.get());
  small_net::gradient(net, stream.get());
}

std::string SmallNet::report() const {
  return "small net: a step is kernels `images` (" + std::to_string(net_.conv_count) +
         " convolutions, " + std::to_string(net_.dense_count) + " dense layers; " +
         std::to_string(net_.shared_floats * 4) +
         " bytes of shared memory for an image), `gradient`, and the optimizer's\n";
}

}  // namespace pycnn::cuda
