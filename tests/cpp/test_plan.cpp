// Plans: programs, lifetimes, places in the arena, halos. Most are properties that hold for every
// network, kind of plan and way of fusing.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "branching_nets.h"
#include "core/arena.h"
#include "core/error.h"
#include "graph/plan.h"
#include "ops/cpu/conv2d_columns.h"
#include "ops/cpu/conv2d_winograd_scratch.h"
#include "ops/cpu/kernels.h"

namespace pycnn {
namespace {

using test::conv;

struct Case {
  std::string name;
  Plan plan;
};

LossSpec loss_for(const Graph& graph, ValueId output) {
  if (graph.shape(output).size() > 1) return {LossKind::mean_squared_error, false, output};
  return {LossKind::cross_entropy, true, output};
}

// Every kind of plan, fused and not, for a set of networks that has every op.
std::vector<Case> all_plans() {
  std::vector<std::pair<std::string, test::Nets>> nets{{"two heads", test::two_headed_net()}};
  const auto put = [&](const char* name, test::Net net) {
    nets.push_back({name, {std::move(net.graph), {net.output}}});
  };
  put("lenet5", test::lenet5());
  put("odd", test::odd_net());
  put("picture", test::picture_net());
  put("dense", test::dense_net());
  put("host", test::host_net(std::make_shared<test::Identity>()));
  put("residual", test::residual_net());
  put("inception", test::inception_net());
  put("reshaped", test::reshaped_net());
  put("further", test::further_net());
  put("shared", test::shared_net());
  put("augmented", test::augmented_net());
  std::vector<Case> cases;
  for (const auto& [name, net] : nets) {
    for (int k = 0; k < kPlanKinds; ++k) {
      const auto kind = static_cast<PlanKind>(k);
      std::vector<LossSpec> losses;
      if (has_losses(kind)) {
        for (ValueId output : net.outputs) losses.push_back(loss_for(net.graph, output));
      }
      const std::string what = name + ", kind " + std::to_string(k);
      for (bool fuse : {false, true}) {
        const std::string how = what + (fuse ? ", fused" : "");
        cases.push_back({how, make_plan(net.graph, net.outputs, kind, losses, fuse)});
        if (!channel_fill(net.graph).possible) continue;
        cases.push_back({how + ", channels", make_plan(net.graph, net.outputs, kind, losses, fuse,
                                                       Device::cpu, Lanes::channels)});
      }
    }
  }
  return cases;
}

const Buffer& at(const Plan& plan, BufferId id) {
  return plan.buffers[static_cast<std::size_t>(id)];
}

BufferId root(const Plan& plan, BufferId id) {
  const BufferId of = at(plan, id).alias_of;
  return of < 0 ? id : of;
}

// All buffers that an operation's fields name.
std::set<BufferId> operands(const Operation& operation) {
  std::set<BufferId> ids;
  const auto put = [&](BufferId id) {
    if (id >= 0) ids.insert(id);
  };
  std::visit(
      [&](const auto& o) {
        if constexpr (requires { o.a; }) put(o.a);
        if constexpr (requires { o.b; }) put(o.b);
        if constexpr (requires { o.x; }) put(o.x);
        if constexpr (requires { o.y; }) put(o.y);
        if constexpr (requires { o.z; }) put(o.z);
        if constexpr (requires { o.dx; }) put(o.dx);
        if constexpr (requires { o.dy; }) put(o.dy);
        if constexpr (requires { o.dz; }) put(o.dz);
        if constexpr (requires { o.base; }) put(o.base);
        if constexpr (requires { o.code; }) put(o.code);
        if constexpr (requires { o.mask; }) put(o.mask);
        if constexpr (requires { o.saved; }) put(o.saved);
        if constexpr (requires { o.rows; }) put(o.rows);
        if constexpr (requires { o.scratch; }) put(o.scratch);
        if constexpr (requires { o.partial; }) put(o.partial);
        if constexpr (requires { o.statistics; }) put(o.statistics);
        if constexpr (requires { o.means; }) put(o.means);
      },
      operation);
  return ids;
}

TEST(PlanProperties, ReadsAndWritesNameExactlyTheOperands) {
  for (const auto& [name, plan] : all_plans()) {
    for (const Instruction& i : plan.program) {
      std::set<BufferId> listed(i.reads.begin(), i.reads.end());
      listed.insert(i.writes.begin(), i.writes.end());
      EXPECT_EQ(listed, operands(i.operation)) << name << " " << i.layer;
    }
  }
}

TEST(PlanProperties, EveryReadIsOfABufferWrittenBefore) {
  for (const auto& [name, plan] : all_plans()) {
    std::set<BufferId> written;
    for (const Instruction& i : plan.program) {
      for (BufferId id : i.reads) {
        EXPECT_TRUE(written.count(root(plan, id))) << name << " " << i.layer << " reads " << id;
      }
      for (BufferId id : i.writes) written.insert(root(plan, id));
    }
  }
}

TEST(PlanProperties, NothingIsWrittenTwice) {
  // A saved activation must still be there for the backward pass. A concatenation is written part
  // by part, and nobody may read it in between.
  for (const auto& [name, plan] : all_plans()) {
    std::set<BufferId> written, joined, read;
    for (const Instruction& i : plan.program) {
      const bool part = std::holds_alternative<ConcatForward>(i.operation);
      for (BufferId id : i.reads) read.insert(root(plan, id));
      for (BufferId id : i.writes) {
        const BufferId to = root(plan, id);
        const bool first = written.insert(to).second;
        if (part && first) joined.insert(to);
        EXPECT_TRUE(first || (part && joined.count(to))) << name << " " << i.layer;
        EXPECT_FALSE(read.count(to)) << name << " " << i.layer;
      }
    }
  }
}

TEST(PlanProperties, BuffersThatAreAliveTogetherDoNotOverlap) {
  for (const auto& [name, plan] : all_plans()) {
    struct Life {
      int first = std::numeric_limits<int>::max(), last = -1;
    };
    // Found anew from the program, not taken from the planner.
    std::vector<Life> lives(plan.buffers.size());
    for (int i = 0; i < static_cast<int>(plan.program.size()); ++i) {
      for (BufferId id : operands(plan.program[static_cast<std::size_t>(i)].operation)) {
        Life& life = lives[static_cast<std::size_t>(root(plan, id))];
        life.first = std::min(life.first, i);
        life.last = std::max(life.last, i);
      }
    }
    for (std::size_t a = 0; a < plan.buffers.size(); ++a) {
      const Buffer& x = plan.buffers[a];
      if (x.alias_of >= 0) continue;
      for (std::size_t b = 0; b < a; ++b) {
        const Buffer& y = plan.buffers[b];
        if (y.alias_of >= 0 || x.kept != y.kept) continue;  // kept rows lie elsewhere
        const bool together = lives[a].first <= lives[b].last && lives[b].first <= lives[a].last;
        const bool apart = x.offset + x.bytes() <= y.offset || y.offset + y.bytes() <= x.offset;
        EXPECT_TRUE(!together || apart) << name << ": " << x.name << " and " << y.name;
      }
    }
  }
}

TEST(PlanProperties, BuffersLieAlignedInsideTheArena) {
  for (const auto& [name, plan] : all_plans()) {
    std::size_t sum = 0;
    for (const Buffer& b : plan.buffers) {
      EXPECT_EQ(b.offset % kAlignment, 0U) << name << " " << b.name;
      if (b.alias_of >= 0) continue;
      EXPECT_LE(b.offset + b.bytes(), plan.arena_bytes) << name << " " << b.name;
      EXPECT_GE(b.first_use, 0) << name << ": nobody uses " << b.name;
      sum += b.bytes();
    }
    EXPECT_LE(plan.arena_bytes, sum) << name;
  }
}

TEST(PlanProperties, AliasesAreTheWholeOfAnotherBuffer) {
  for (const auto& [name, plan] : all_plans()) {
    for (const Buffer& b : plan.buffers) {
      if (b.alias_of < 0) continue;
      const Buffer& of = at(plan, b.alias_of);
      EXPECT_EQ(of.alias_of, -1) << name << ": alias of an alias " << b.name;
      EXPECT_EQ(b.offset, of.offset) << name << " " << b.name;
      EXPECT_EQ(b.bytes(), of.bytes()) << name << " " << b.name;
      // The same elements in the same order only where there is no halo between rows.
      EXPECT_FALSE(b.has_halo() || of.has_halo()) << name << " " << b.name;
    }
  }
}

bool covers(const Halo& has, const Halo& needs) {
  return has.top >= needs.top && has.bottom >= needs.bottom && has.left >= needs.left &&
         has.right >= needs.right;
}

TEST(PlanProperties, ConvolutionsFindTheirHalos) {
  for (const auto& [name, plan] : all_plans()) {
    for (const Instruction& i : plan.program) {
      const auto check = [&, &name = name, &plan = plan](BufferId id, const Halo& needs) {
        EXPECT_TRUE(covers(at(plan, id).halo, needs)) << name << " " << i.layer;
      };
      if (const auto* o = std::get_if<Conv2dForward>(&i.operation)) {
        check(o->x, conv2d_input_halo(o->g));
      } else if (const auto* o = std::get_if<Conv2dPoolForward>(&i.operation)) {
        check(o->x, conv2d_input_halo(o->g));
      } else if (const auto* o = std::get_if<Conv2dPoolBackwardParams>(&i.operation)) {
        check(o->x, conv2d_input_halo(o->g));
      } else if (const auto* o = std::get_if<Conv2dBackwardParams>(&i.operation)) {
        check(o->x, conv2d_input_halo(o->g));
      } else if (const auto* o = std::get_if<Conv2dBackwardInput>(&i.operation)) {
        check(o->dz, conv2d_gradient_halo(o->g));
      } else if (const auto* o = std::get_if<DenseForward>(&i.operation)) {
        EXPECT_FALSE(at(plan, o->x).has_halo()) << name << " " << i.layer;
      } else if (const auto* o = std::get_if<LossStep>(&i.operation)) {
        EXPECT_FALSE(at(plan, o->z).has_halo()) << name << " " << i.layer;
      }
    }
  }
}

template <typename T>
int count(const Plan& plan) {
  return static_cast<int>(
      std::count_if(plan.program.begin(), plan.program.end(),
                    [](const Instruction& i) { return std::holds_alternative<T>(i.operation); }));
}

TEST(Plan, FusedLeNet5) {
  const test::Net net = test::lenet5();
  const ValueId logits = net.graph.nodes().back().input();
  const LossSpec loss{LossKind::softmax_cross_entropy, true, logits};
  const Plan plan = make_plan(net.graph, {net.output}, PlanKind::train, {loss}, true);
  EXPECT_EQ(count<Conv2dPoolForward>(plan), 2);
  EXPECT_EQ(count<Conv2dForward>(plan), 0);
  EXPECT_EQ(count<MaxPool2dForward>(plan), 0);
  EXPECT_EQ(count<DenseForward>(plan), 3);
  EXPECT_EQ(count<Rescale>(plan), 0);
  EXPECT_EQ(count<ActivationForward>(plan), 0);
  EXPECT_EQ(count<Conv2dPoolBackwardParams>(plan), 2);
  // Nobody asks for the gradient of the pixels.
  EXPECT_EQ(count<Conv2dPoolBackwardInput>(plan), 1);
  EXPECT_EQ(count<Conv2dPoolBackward>(plan), 0);
  EXPECT_EQ(count<DenseBackwardInput>(plan), 3);
  const auto& gather = std::get<GatherRows>(plan.program[0].operation);
  EXPECT_EQ(gather.scale, 1.0f / 255.0f);
}

// Gradients of a convolution with pooling skip dz where patches and channels are many.
TEST(Plan, PoolGradientsGoByTheSizeOfThePatch) {
  struct Row {
    Shape input;
    int filters;
    Size2 kernel;
    bool params_skip, input_skips, by_image;
  };
  const Row rows[] = {
      {{14, 14, 6}, 16, {5, 5}, true, true, true},
      {{14, 14, 6}, 15, {5, 5}, true, false, true},
      {{14, 14, 3}, 32, {3, 3}, true, false, false},
      {{14, 14, 1}, 32, {1, 1}, false, false, false},
      {{14, 14, 16}, 8, {1, 1}, false, false, false},
      {{14, 14, 64}, 40, {1, 1}, true, true, true},
  };
  for (const Row& row : rows) {
    Graph graph(row.input);
    ValueId v = graph.conv2d(graph.input(), {row.filters, row.kernel, {}, {}, true});
    v = graph.max_pool2d(v, {{2, 2}, {2, 2}, {}});
    const Plan plan = make_plan(graph, {v}, PlanKind::gradient, {}, true);
    const std::string what = to_string(row.input) + " to " + std::to_string(row.filters);
    EXPECT_EQ(count<Conv2dPoolBackwardParams>(plan), row.params_skip) << what;
    EXPECT_EQ(count<Conv2dBackwardParams>(plan), !row.params_skip) << what;
    EXPECT_EQ(count<Conv2dPoolBackwardInput>(plan), row.input_skips) << what;
    EXPECT_EQ(count<Conv2dBackwardInput>(plan), !row.input_skips) << what;
    EXPECT_EQ(count<Conv2dPoolBackward>(plan), !row.params_skip || !row.input_skips) << what;
    for (const Instruction& i : plan.program) {
      if (const auto* o = std::get_if<Conv2dPoolBackwardParams>(&i.operation)) {
        if (!row.by_image && cpu::kernels().conv2d->selects_short_runs) {
          EXPECT_EQ(o->scratch, -1) << what;
          continue;
        }
        const std::int64_t floats = row.by_image ? cpu::PoolBackwardParamsScratch(o->g).size
                                                 : cpu::PoolRowsScratch(o->g).size;
        EXPECT_EQ(plan.buffers.at(static_cast<std::size_t>(o->scratch)).bytes(),
                  sizeof(float) * static_cast<std::size_t>(floats))
            << what;
      }
    }
  }
}

TEST(Plan, WinogradWithPoolingIsForFiveByFive) {
  struct Row {
    Shape input;
    Conv2dOptions options;
    bool suits;
  };
  const Padding same{Padding::Mode::same};
  const Row rows[] = {
      {{28, 28, 1}, {6, {5, 5}, {}, same}, true},
      {{14, 14, 6}, {16, {5, 5}, {}, {}}, true},
      {{28, 28, 1}, {3, {5, 5}, {}, same}, false},
      {{28, 28, 1}, {6, {5, 5}, {2, 1}, {}}, false},
      {{28, 28, 1}, {6, {3, 5}, {}, same}, false},
      {{224, 224, 3}, {16, {5, 5}, {}, same}, true},
      {{28, 28, 64}, {64, {5, 5}, {}, same}, true},
      {{42, 42, 64}, {64, {5, 5}, {}, same}, false},
      {{512, 512, 16}, {16, {5, 5}, {}, same}, false},
  };
  for (const Row& row : rows) {
    Graph graph(row.input);
    const ValueId v =
        graph.max_pool2d(graph.conv2d(graph.input(), row.options), {{2, 2}, {2, 2}, {}});
    for (PlanKind kind : {PlanKind::predict, PlanKind::training_predict, PlanKind::gradient,
                          PlanKind::training_gradient}) {
      const Plan plan = make_plan(graph, {v}, kind, {}, true);
      ASSERT_EQ(count<Conv2dPoolForward>(plan), 1);
      for (const Instruction& i : plan.program) {
        if (const auto* o = std::get_if<Conv2dPoolForward>(&i.operation)) {
          EXPECT_EQ(o->scratch >= 0, row.suits) << to_string(row.input);
          EXPECT_EQ(o->code < 0, row.suits && !has_gradients(kind)) << to_string(row.input);
        }
      }
    }
  }
}

TEST(Plan, OnlyGradientsAskForPoolingCodes) {
  const test::Net net = test::lenet5();
  const ValueId logits = net.graph.nodes().back().input();
  const LossSpec loss{LossKind::softmax_cross_entropy, true, logits};
  for (PlanKind kind : {PlanKind::evaluate, PlanKind::train}) {
    const Plan plan = make_plan(net.graph, {net.output}, kind, {loss}, true);
    EXPECT_EQ(count<Conv2dPoolForward>(plan), 2);
    for (const Instruction& i : plan.program) {
      if (const auto* o = std::get_if<Conv2dPoolForward>(&i.operation)) {
        EXPECT_EQ(o->code >= 0, kind == PlanKind::train) << i.layer;
      }
    }
  }
}

TEST(Plan, PlainLeNet5) {
  const test::Net net = test::lenet5();
  const LossSpec loss{LossKind::cross_entropy, true, net.output};
  const Plan plan = make_plan(net.graph, {net.output}, PlanKind::train, {loss}, false);
  EXPECT_EQ(count<Conv2dPoolForward>(plan), 0);
  EXPECT_EQ(count<Conv2dForward>(plan), 2);
  EXPECT_EQ(count<MaxPool2dForward>(plan), 2);
  EXPECT_EQ(count<ActivationForward>(plan), 5);
  EXPECT_EQ(count<ActivationBackward>(plan), 5);
  for (const Instruction& i : plan.program) {
    const auto* conv = std::get_if<Conv2dForward>(&i.operation);
    const auto* dense = std::get_if<DenseForward>(&i.operation);
    EXPECT_FALSE(conv != nullptr && conv->relu);
    EXPECT_FALSE(dense != nullptr && dense->relu);
  }
}

TEST(Plan, FusionSavesMemory) {
  const test::Net net = test::lenet5();
  const LossSpec loss{LossKind::cross_entropy, true, net.output};
  const auto bytes = [&](bool fuse) {
    return make_plan(net.graph, {net.output}, PlanKind::train, {loss}, fuse).arena_bytes;
  };
  EXPECT_LT(bytes(true), bytes(false));
}

TEST(Plan, HostLayersSplitTheProgram) {
  const test::Net net = test::host_net(std::make_shared<test::Identity>());
  const LossSpec loss{LossKind::cross_entropy, true, net.output};
  const Plan plan = make_plan(net.graph, {net.output}, PlanKind::train, {loss}, true);
  EXPECT_TRUE(plan.has_barriers);
  EXPECT_EQ(count<HostForward>(plan), 1);
  EXPECT_EQ(count<HostBackward>(plan), 1);
  for (const Instruction& i : plan.program) {
    EXPECT_EQ(i.barrier, std::holds_alternative<HostForward>(i.operation) ||
                             std::holds_alternative<HostBackward>(i.operation));
  }
}

TEST(Plan, BatchNormalizationMeetsAllBlocksOnlyWhereItMust) {
  const test::Net net = test::residual_net();
  const auto plan = [&](PlanKind kind) {
    const std::vector<LossSpec> losses{{LossKind::cross_entropy, true, net.output}};
    return make_plan(net.graph, {net.output}, kind, losses, true);
  };
  const Plan train = plan(PlanKind::train), evaluate = plan(PlanKind::evaluate);
  EXPECT_EQ(count<BatchNormCombine>(train), 6);
  EXPECT_EQ(count<BatchNormBackwardCombine>(train), 6);
  EXPECT_EQ(count<BatchNormMoving>(train), 0);
  EXPECT_EQ(count<BatchNormMoving>(evaluate), 6);
  EXPECT_FALSE(evaluate.has_barriers);
  for (const Instruction& i : train.program) {
    EXPECT_EQ(i.barrier, std::holds_alternative<BatchNormCombine>(i.operation) ||
                             std::holds_alternative<BatchNormBackwardCombine>(i.operation));
  }
}

TEST(Plan, GradientsMeetInTheConvolutionThatMakesTheLast) {
  const test::Net net = test::residual_net();
  const auto backward_sums = [&](bool fuse, Device device, Lanes lanes) {
    const Plan plan =
        make_plan(net.graph, {net.output}, PlanKind::training_gradient, {}, fuse, device, lanes);
    return std::ranges::count_if(plan.program, [](const Instruction& i) {
      return !i.forward && std::holds_alternative<Add>(i.operation);
    });
  };
  EXPECT_EQ(backward_sums(true, Device::cpu, Lanes::channels), 0);
  EXPECT_EQ(backward_sums(false, Device::cpu, Lanes::channels), 2);
  EXPECT_EQ(backward_sums(true, Device::cpu, Lanes::images), 2);
  EXPECT_EQ(backward_sums(true, Device::cuda, Lanes::images), 2);
}

TEST(Plan, FlattenCopiesOutOfAHaloAndIsAnAliasElsewhere) {
  const test::Net net = test::reshaped_net();
  const Plan plan = make_plan(net.graph, {net.output}, PlanKind::predict, {}, true);
  EXPECT_EQ(count<Rescale>(plan), 1);  // of x; nobody else reads y
  EXPECT_EQ(std::count_if(plan.buffers.begin(), plan.buffers.end(),
                          [](const Buffer& b) { return b.alias_of >= 0; }),
            2);
}

TEST(Plan, DenseLayersKeepTheirRowsAndSumTheirWeightsGradientsLast) {
  const test::Net net = test::lenet5();
  const auto plan_for = [&](Lanes lanes) {
    return make_plan(net.graph, {net.output}, PlanKind::training_gradient, {}, true, Device::cpu,
                     lanes);
  };
  const Plan plan = plan_for(Lanes::images);
  EXPECT_EQ(count<KeepRows>(plan), 6);  // of three layers the inputs and the gradients
  const std::size_t size = plan.program.size();
  std::size_t kept = 0;
  for (std::size_t i = size - 3; i < size; ++i) {
    const auto* params = std::get_if<DenseBackwardParams>(&plan.program[i].operation);
    ASSERT_NE(params, nullptr);
    for (BufferId id : {params->x, params->dz}) {
      const Buffer& rows = plan.buffers[static_cast<std::size_t>(id)];
      EXPECT_TRUE(rows.kept);
      EXPECT_EQ(rows.lanes, Lanes::channels);
      kept += rows.bytes();
    }
  }
  EXPECT_EQ(plan.kept_bytes, kept);
  EXPECT_NE(plan.report().find("kept " + std::to_string(kept)), std::string::npos);
  // A single image's numbers, each row in whole vectors: 400, 120, 84 in and 120, 84, 10 out.
  EXPECT_EQ(kept, (400U + 128U + 96U + 128U + 96U + 16U) * 4U);
  const Plan channels = plan_for(Lanes::channels);
  EXPECT_EQ(count<KeepRows>(channels), 0);
  EXPECT_EQ(channels.kept_bytes, 0U);
}

TEST(Plan, ThereAreSeveralPartialSumsWhateverTheNetwork) {
  for (const auto& [name, plan] : all_plans()) {
    if (plan.lanes == Lanes::channels) continue;  // its kernels sum over the batch
    EXPECT_GE(plan.partial_sums, 2) << name;
    EXPECT_LE(plan.partial_sums, 16) << name;
  }
}

TEST(Plan, AbsurdSizesAreErrorsAndDoNotWrap) {
  // The layers are legal one by one; a block with its halo would have 2^66 bytes and more.
  Graph g({1, 1, 1});
  constexpr int kPad = 1 << 29;
  const ValueId v =
      g.conv2d(0, conv(1, {1, 1}, test::around(kPad, kPad, kPad, kPad), {1 << 30, 1 << 30}), "c");
  for (bool fuse : {false, true}) {
    EXPECT_THROW(make_plan(g, {v}, PlanKind::predict, {}, fuse), OverflowError);
  }
}

TEST(AssignOffsets, RefusesAnArenaBeyondTheAddressSpace) {
  Buffer huge;
  huge.height = huge.width = std::numeric_limits<int>::max() / 8;
  huge.channels = 1;
  huge.first_use = 0;
  huge.last_use = 1;
  std::vector<Buffer> buffers(3, huge);
  for (Buffer& b : buffers) b.channels = 2;
  EXPECT_THROW(assign_offsets(buffers), OverflowError);
}

TEST(AssignOffsets, FillsTheGapsOfWhatIsDead) {
  const auto buffer = [](int channels, int first, int last) {
    Buffer b;
    b.channels = channels;
    b.first_use = first;
    b.last_use = last;
    return b;
  };
  std::vector<Buffer> buffers{buffer(8, 0, 1), buffer(4, 1, 2), buffer(8, 2, 3), buffer(4, 3, 4)};
  EXPECT_EQ(assign_offsets(buffers), (8U + 4U) * 64U);
  EXPECT_EQ(buffers[0].offset, buffers[2].offset);
  EXPECT_EQ(buffers[1].offset, buffers[3].offset);
}

TEST(Plan, TheReportNamesLayersAndTotals) {
  const test::Net net = test::lenet5();
  const Plan plan = make_plan(net.graph, {net.output}, PlanKind::predict, {}, true);
  const std::string report = plan.report();
  for (const char* word : {"[Conv2D 'c1']", "[Dense 'd3']", "c2 output"}) {
    EXPECT_NE(report.find(word), std::string::npos) << word;
  }
  EXPECT_NE(report.find("arena " + std::to_string(plan.arena_bytes)), std::string::npos);
}

}  // namespace
TEST(Plan, OperationsHaveTheNamesOfTheirTypes) {
  EXPECT_EQ(operation_name(GatherRows{}), "GatherRows");
  EXPECT_EQ(operation_name(Conv2dBackwardParams{}), "Conv2dBackwardParams");
  EXPECT_EQ(operation_name(DenseBackwardInput{}), "DenseBackwardInput");
  EXPECT_EQ(operation_name(BatchNormBackwardCombine{}), "BatchNormBackwardCombine");
  EXPECT_EQ(operation_name(LocalResponseNormForward{}), "LocalResponseNormForward");
  EXPECT_EQ(operation_name(LossStep{}), "LossStep");
  EXPECT_EQ(operation_name(HostBackward{}), "HostBackward");
}

}  // namespace pycnn
