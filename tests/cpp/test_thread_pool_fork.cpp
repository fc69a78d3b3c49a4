// What becomes of the pool in a forked child and at the end of a process.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "core/thread_pool.h"

namespace pycnn {
namespace {

// Number of threads that a job really ran on.
int threads_that_run() {
  std::atomic<int> runs{0};
  parallel_run([&](Team& team) {
    team.barrier();
    ++runs;
  });
  return runs;
}

// Forks; the child leaves with the body's result, and is killed if it hangs.
pid_t fork_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body());
  }
  return child;
}

// The child's exit code, or -1 when a signal ended it.
int exit_code(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ThreadPoolFork, ChildBuildsItsOwnPoolOfTheSameSize) {
  set_num_threads(3);
  ASSERT_EQ(threads_that_run(), 3);
  EXPECT_EQ(exit_code(fork_child(threads_that_run)), 3);
  EXPECT_EQ(threads_that_run(), 3);
}

TEST(ThreadPoolFork, ChildMayChangeTheSizeAndForkAgain) {
  set_num_threads(2);
  ASSERT_EQ(threads_that_run(), 2);
  const pid_t child = fork_child([] {
    set_num_threads(4);
    if (threads_that_run() != 4) return 1;
    return exit_code(fork_child(threads_that_run));
  });
  EXPECT_EQ(exit_code(child), 4);
  EXPECT_EQ(num_threads(), 2);
}

TEST(ThreadPoolFork, ChildWorksWhileAnotherThreadOfTheParentRunsAJob) {
  set_num_threads(2);
  std::atomic<int> running{0};
  std::atomic<bool> may_end{false};
  std::thread caller([&] {
    parallel_run([&](Team&) {
      ++running;
      while (!may_end) std::this_thread::yield();
    });
  });
  // Both, for a thread that is still starting may hold a lock of the address sanitizer's allocator,
  // which the child would then wait for.
  while (running < 2) std::this_thread::yield();
  const int code = exit_code(fork_child(threads_that_run));
  may_end = true;
  caller.join();
  EXPECT_EQ(code, 2);
  EXPECT_EQ(threads_that_run(), 2);
}

TEST(ThreadPoolFork, ChildOfAJobMayRunItsOwnJobs) {
  set_num_threads(2);
  std::atomic<int> code{-1};
  parallel_run([&](Team& team) {
    team.barrier();  // all have started: see above
    if (team.index() == 0) code = exit_code(fork_child(threads_that_run));
  });
  EXPECT_EQ(code, 2);
}

// Each starts a process of its own, without the threads of this one.
class ThreadPoolExit : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ThreadPoolExit, SleepingWorkersDoNotDisturbIt) {
  const auto leave = [] {
    alarm(60);
    set_num_threads(4);
    threads_that_run();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // they sleep by now
    std::exit(17);
  };
  EXPECT_EXIT(leave(), testing::ExitedWithCode(17), "");
}

TEST_F(ThreadPoolExit, NeitherDoesAJobOfAnotherThread) {
  const auto leave = [] {
    alarm(60);
    set_num_threads(3);
    static std::atomic<bool> running{false};
    std::thread([] {
      parallel_run([](Team& team) {
        running = true;
        while (true) team.barrier();
      });
    }).detach();
    while (!running) std::this_thread::yield();
    std::exit(17);
  };
  EXPECT_EXIT(leave(), testing::ExitedWithCode(17), "");
}

}  // namespace
}  // namespace pycnn
