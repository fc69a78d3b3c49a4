#include "fiber.h"

#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PYCNN_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PYCNN_ASAN
#endif

// Own switches, since swapcontext() makes two system calls each time. They save what a function
// must preserve, store the stack pointer in *from and go on at the stack pointer `to`.
#if defined(__x86_64__)
asm(R"(
.text
.globl pycnn_emulator_switch
.type pycnn_emulator_switch, @function
pycnn_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size pycnn_emulator_switch, . - pycnn_emulator_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl pycnn_emulator_switch
.type pycnn_emulator_switch, %function
pycnn_emulator_switch:
  stp x29, x30, [sp, #-160]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  ldp x29, x30, [sp], #160
  ret
.size pycnn_emulator_switch, . - pycnn_emulator_switch
)");
#endif

namespace pycnn::emulator {
namespace {

constexpr std::size_t kStackBytes =
    256 * 1024;  // ASan's frames are large; untouched pages are free

Fiber* running = nullptr;  // no thread_local: kernels run one at a time

#if defined(__x86_64__) || defined(__aarch64__)

extern "C" void pycnn_emulator_switch(void** from, void* to);

void switch_context(Context& from, Context& to) { pycnn_emulator_switch(&from, to); }

void make_context(Context& context, std::byte* stack, void (*entry)()) {
  void** const top = reinterpret_cast<void**>(stack + kStackBytes);
#if defined(__x86_64__)
  top[-2] = reinterpret_cast<void*>(entry);  // "returned" to, on a stack as after a call
  context = top - 8;
#else
  top[-19] = reinterpret_cast<void*>(entry);  // the link register
  context = top - 20;
#endif
}

#else

void switch_context(Context& from, Context& to) { swapcontext(&from, &to); }

void make_context(Context& context, std::byte* stack, void (*entry)()) {
  getcontext(&context);
  context.uc_stack.ss_sp = stack;
  context.uc_stack.ss_size = kStackBytes;
  makecontext(&context, entry, 0);
}

#endif

// ASan has to know which stack is in use.
void leave_stack([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* stack,
                 [[maybe_unused]] std::size_t bytes) {
#ifdef PYCNN_ASAN
  __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#endif
}

void arrive_on_stack([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** left,
                     [[maybe_unused]] std::size_t* left_bytes) {
#ifdef PYCNN_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, left, left_bytes);
#endif
}

}  // namespace

Fiber::Fiber(void (*body)()) : body_(body) {
  const std::size_t guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, guard + kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages, guard, PROT_NONE) != 0) throw std::bad_alloc();
  stack_ = static_cast<std::byte*>(pages) + guard;
  make_context(context_, stack_, &Fiber::enter);
}

void Fiber::resume() {
  running = this;
  void* fake_stack = nullptr;
  leave_stack(&fake_stack, stack_, kStackBytes);
  switch_context(resumer_, context_);
  arrive_on_stack(fake_stack, nullptr, nullptr);
}

void Fiber::suspend() {
  Fiber& fiber = *running;
  leave_stack(&fiber.fake_stack_, fiber.resumer_stack_, fiber.resumer_stack_bytes_);
  switch_context(fiber.context_, fiber.resumer_);
  arrive_on_stack(fiber.fake_stack_, &fiber.resumer_stack_, &fiber.resumer_stack_bytes_);
}

void Fiber::enter() {
  Fiber& fiber = *running;
  arrive_on_stack(nullptr, &fiber.resumer_stack_, &fiber.resumer_stack_bytes_);
  fiber.body_();
}

Fiber* Fiber::current() { return running; }

}  // namespace pycnn::emulator
