// How the instructions of a plan with the channels in the lanes are dealt out.

#include <gtest/gtest.h>

#include "branching_nets.h"
#include "runtime/channel_program.h"

namespace pycnn {
namespace {

Plan channel_plan(const test::Net& net) {
  const std::vector<LossSpec> losses{{LossKind::cross_entropy, true, net.output}};
  return make_plan(net.graph, {net.output}, PlanKind::train, losses, true, Device::cpu,
                   Lanes::channels);
}

// A letter for each run of instructions that are done image by image, (f)orwards or (b)ackwards,
// and for each of the (t)eam's and in block(s).
std::string ways(const ChannelProgram& program) {
  std::string text;
  for (std::size_t i = 0; i < program.plan().program.size(); ++i) {
    const Deal deal = program.deal(i);
    if (deal == Deal::team) text += 't';
    if (deal == Deal::blocks) text += 's';
    if (deal != Deal::images) {
      EXPECT_FALSE(program.backwards(i));
    } else if (program.follows_at_once(i)) {
      EXPECT_EQ(program.backwards(i), program.backwards(i - 1));
    } else {
      text += program.backwards(i) ? 'b' : 'f';
    }
  }
  return text;
}

TEST(ChannelProgram, ImagesAreTakenUpWhereTheLastInstructionLeftThem) {
  Graph g({8, 8, 3});
  ValueId v = g.input();
  for (const char* name : {"a", "b"}) {
    v = test::normalized_conv(g, v, test::conv(16, {3, 3}, test::same()), name);
    v = g.activation(v, Activation::relu);
  }
  v = g.dense(g.global_avg_pool2d(v), {5}, "d");
  v = g.activation(v, Activation::softmax, "softmax");
  const test::Net net{std::move(g), v};
  const Plan plan = channel_plan(net);
  ChannelProgram program(plan);
  // Few images: convolutions are the team's. Then the first is done while images are gathered.
  EXPECT_EQ(ways(program), "ftbftbftbsbttbfttbft");
  EXPECT_TRUE(program.choose_deals(16));
  EXPECT_EQ(ways(program), "fbtbftbsbttbfttbft");
}

}  // namespace
}  // namespace pycnn
