#pragma once
// A pool of worker threads for fork-join work. Workers spin briefly for the next job, then sleep.
// After fork() the child builds a pool of its own (threads do not survive a fork).

#include <functional>

#include "core/team.h"
#include "core/workspaces.h"

namespace pycnn {

// Runs job(team) once on each of num_threads() threads, the caller's among them, and returns when
// all are done. Jobs of different callers run one after another. An exception thrown by the job on
// the calling thread (index 0) is rethrown here after all threads are done; the job itself sees to
// it that the others stop and that nobody is left at a barrier. Other threads must not throw.
// Throws BusyError within a job, which would wait for itself.
void parallel_run(const std::function<void(Team&)>& job);
// The same, each thread with a workspace; throws MemoryError before the job begins.
void parallel_run(const std::function<void(Team&)>& job, Workspaces& workspaces);

// The same on the calling thread alone: for work that is done before another thread is awake.
void solo_run(const std::function<void(Team&)>& job);
void solo_run(const std::function<void(Team&)>& job, Workspaces& workspaces);

// Whether the caller runs in a job, where parallel_run refuses to work.
bool inside_parallel_run();

// PYCNN_NUM_THREADS at first use, else the cores that this process may run on.
int num_threads();
// Throws ValueError unless 1 <= count <= 1024. Waits for a running job. Where the system does not
// let so many be started, those that could be are used and counted: std::runtime_error here.
void set_num_threads(int count);

}  // namespace pycnn
