// Fork-join on the pool: coverage, barriers, exceptions, several callers, sizes.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/arena.h"
#include "core/error.h"
#include "core/thread_pool.h"

namespace pycnn {
namespace {

class ThreadPool : public testing::TestWithParam<int> {};

TEST_P(ThreadPool, RunsTheJobOnceForEveryIndex) {
  const int count = GetParam();
  set_num_threads(count);
  EXPECT_EQ(num_threads(), count);
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<int> runs(static_cast<std::size_t>(count));
    std::atomic<bool> sizes_agree{true};
    parallel_run([&](Team& team) {
      ++runs[static_cast<std::size_t>(team.index())];
      if (team.size() != count) sizes_agree = false;
    });
    EXPECT_EQ(runs, std::vector<int>(static_cast<std::size_t>(count), 1));
    EXPECT_TRUE(sizes_agree);
  }
}

TEST_P(ThreadPool, TheCallerHasIndexZeroAndTheOthersAreOtherThreads) {
  set_num_threads(GetParam());
  std::vector<std::thread::id> ids(static_cast<std::size_t>(GetParam()));
  parallel_run([&](Team& team) {
    ids[static_cast<std::size_t>(team.index())] = std::this_thread::get_id();
  });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

// Each thread may write all of its own: no two overlap. A later job may ask for more, or for less.
TEST_P(ThreadPool, EveryThreadHasAWorkspace) {
  set_num_threads(GetParam());
  Workspaces workspaces;
  // The first time alone: then the one thread has more than those that come after it.
  workspaces.set_bytes(8192);
  solo_run([](Team&) {}, workspaces);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{4096}, std::size_t{1} << 20}) {
    workspaces.set_bytes(bytes);
    std::atomic<int> mistakes{0};
    const auto job = [&](Team& team) {
      std::byte* memory = team.workspace();
      if (memory == nullptr || reinterpret_cast<std::uintptr_t>(memory) % kAlignment != 0) {
        ++mistakes;
        return;
      }
      const auto mark = static_cast<std::byte>(team.index() + 1);
      std::fill_n(memory, bytes, mark);
      team.barrier();
      mistakes +=
          static_cast<int>(bytes) - static_cast<int>(std::count(memory, memory + bytes, mark));
    };
    parallel_run(job, workspaces);
    solo_run(job, workspaces);
    EXPECT_EQ(mistakes, 0);
  }
}

// After a barrier each thread must see what all the others wrote before it. The array is plain
// memory on purpose: a thread sanitizer then checks that the barrier orders the accesses.
TEST_P(ThreadPool, BarrierWaitsForAllAndShowsTheirWrites) {
  constexpr int kRounds = 300;
  const int count = GetParam();
  set_num_threads(count);
  std::vector<int> round_of(static_cast<std::size_t>(count), -1);
  std::atomic<int> mistakes{0};
  parallel_run([&](Team& team) {
    for (int round = 0; round < kRounds; ++round) {
      round_of[static_cast<std::size_t>(team.index())] = round;
      team.barrier();
      for (const int other : round_of) mistakes += other != round;
      team.barrier();
    }
  });
  EXPECT_EQ(mistakes, 0);
}

TEST_P(ThreadPool, WorkersThatFellAsleepComeBack) {
  set_num_threads(GetParam());
  std::atomic<int> runs{0};
  for (int repeat = 0; repeat < 5; ++repeat) {
    parallel_run([&](Team&) { ++runs; });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // far beyond the spinning
  }
  EXPECT_EQ(runs, 5 * GetParam());
}

TEST_P(ThreadPool, SleepersAtABarrierComeBack) {
  set_num_threads(GetParam());
  std::atomic<int> passed{0};
  parallel_run([&](Team& team) {
    if (team.index() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    team.barrier();
    ++passed;
  });
  EXPECT_EQ(passed, GetParam());
}

TEST_P(ThreadPool, ExceptionOfTheCallerComesOutAfterAllAreDone) {
  set_num_threads(GetParam());
  std::atomic<int> finished{0};
  const auto job = [&](Team& team) {
    if (team.index() == 0) throw std::runtime_error("from the caller");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ++finished;
  };
  try {
    parallel_run(job);
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "from the caller");
  }
  EXPECT_EQ(finished, GetParam() - 1);
  std::atomic<int> runs{0};
  parallel_run([&](Team&) { ++runs; });
  EXPECT_EQ(runs, GetParam());
}

TEST_P(ThreadPool, NestedJobsAreRefusedOnEveryThread) {
  set_num_threads(GetParam());
  std::atomic<int> refused{0};
  parallel_run([&](Team&) {
    try {
      parallel_run([](Team&) {});
    } catch (const BusyError&) {
      ++refused;
    }
    try {
      set_num_threads(1);
    } catch (const BusyError&) {
      ++refused;
    }
  });
  EXPECT_EQ(refused, 2 * GetParam());
  EXPECT_EQ(num_threads(), GetParam());
}

TEST_P(ThreadPool, JobsOfSeveralCallersRunOneAfterAnother) {
  constexpr int kCallers = 4;
  constexpr int kJobs = 100;
  set_num_threads(GetParam());
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::int64_t jobs = 0;  // plain: only one job runs at a time
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < kJobs; ++i) {
        parallel_run([&](Team& team) {
          if (team.index() == 0) {
            overlaps += inside.fetch_add(1) != 0;
            ++jobs;
          }
          team.barrier();
          if (team.index() == 0) --inside;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(jobs, kCallers * kJobs);
  EXPECT_EQ(overlaps, 0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPool, testing::Values(1, 2, 3, 8));

TEST(ThreadPoolSize, ChangesBetweenJobs) {
  for (const int count : {2, 1, 5, 3, 3, 2}) {
    set_num_threads(count);
    std::atomic<int> runs{0};
    parallel_run([&](Team&) { ++runs; });
    EXPECT_EQ(runs, count);
  }
}

TEST(ThreadPoolSize, ChangeWaitsForARunningJob) {
  set_num_threads(2);
  std::atomic<bool> running{false};
  std::atomic<bool> resized{false};
  std::atomic<bool> resized_too_early{false};
  std::thread caller([&] {
    parallel_run([&](Team& team) {
      running = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (resized) resized_too_early = true;
      team.barrier();
    });
  });
  while (!running) std::this_thread::yield();
  set_num_threads(3);
  resized = true;
  caller.join();
  EXPECT_FALSE(resized_too_early);
  EXPECT_EQ(num_threads(), 3);
}

TEST(ThreadPoolSize, OutOfRangeIsAnErrorAndChangesNothing) {
  set_num_threads(2);
  for (const int count : {0, -1, 1025}) EXPECT_THROW(set_num_threads(count), ValueError) << count;
  EXPECT_EQ(num_threads(), 2);
}

// The environment is read at first use only, so each of these needs a process of its own: a death
// test of the "threadsafe" style starts one that runs nothing before the statement.
class ThreadPoolEnvironment : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// Exits with 0 and prints the number of threads that really run, or with 1 and the error.
[[noreturn]] void report_threads(const char* setting) {
  setenv("PYCNN_NUM_THREADS", setting, 1);
  try {
    std::atomic<int> runs{0};
    parallel_run([&](Team&) { ++runs; });
    std::cerr << "threads: " << runs << ", " << num_threads() << '\n';
    std::exit(0);
  } catch (const ValueError& error) {
    std::cerr << error.what() << '\n';
    std::exit(1);
  }
}

TEST_F(ThreadPoolEnvironment, SetsTheNumberOfThreads) {
  EXPECT_EXIT(report_threads("3"), testing::ExitedWithCode(0), "threads: 3, 3");
}

TEST_F(ThreadPoolEnvironment, EmptyMeansUnset) {
  EXPECT_EXIT(report_threads(""), testing::ExitedWithCode(0), "threads: [1-9]");
}

TEST_F(ThreadPoolEnvironment, NonsenseIsAnErrorThatQuotesIt) {
  for (const std::string text : {"four", "0", "-2", "2x", " 2", "1025", "99999999999999999999"}) {
    EXPECT_EXIT(report_threads(text.c_str()), testing::ExitedWithCode(1),
                "PYCNN_NUM_THREADS must be a whole number from 1 to 1024; received '" + text + "'");
  }
}

}  // namespace
}  // namespace pycnn
