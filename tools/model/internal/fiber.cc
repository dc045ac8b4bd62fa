#include "tools/model/internal/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "tools/model/internal/asan.h"

// weft_model_switch(from, to): saves the registers that a call preserves on the stack, stores the
// stack pointer in *from, and goes on where the stack pointer `to` was saved.
extern "C" void weft_model_switch(void** from, void* to);

#if defined(__x86_64__)
asm(R"(
.text
.globl weft_model_switch
.type weft_model_switch, @function
weft_model_switch:
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
.size weft_model_switch, .-weft_model_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl weft_model_switch
.type weft_model_switch, %function
weft_model_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x2, sp
  str x2, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size weft_model_switch, .-weft_model_switch
)");
#else
#error "tools/model: expected x86-64 or AArch64; another processor needs its weft_model_switch here"
#endif

namespace weft::model_internal {
namespace {

constexpr std::size_t kStackBytes = 512 * 1024;
constexpr std::size_t kGuardBytes = 64 * 1024;

}  // namespace

Fiber* Fiber::entering_ = nullptr;

Fiber::Fiber() {
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  WEFT_CHECK(memory != MAP_FAILED)
      << "model: expected memory for a stack of " << kStackBytes << " bytes, found none";
  stack_ = static_cast<char*>(memory);
  mprotect(stack_, kGuardBytes, PROT_NONE);
}

Fiber::~Fiber() {
  Forget();
  munmap(stack_, kStackBytes + kGuardBytes);
}

void Fiber::Start(void (*entry)(void*), void* argument) {
  Forget();
  entry_ = entry;
  argument_ = argument;
  auto* top = reinterpret_cast<std::uintptr_t*>(stack_ + kGuardBytes + kStackBytes);
#if defined(__x86_64__)
  // Six registers, the address to return to, and a zero where a caller would be; the function then
  // starts 8 bytes off a multiple of 16, as after a call.
  *--top = 0;
  *--top = reinterpret_cast<std::uintptr_t>(&Fiber::Enter);
  for (int i = 0; i < 6; ++i) *--top = 0;
#else
  for (int i = 0; i < 20; ++i) *--top = 0;
  top[11] = reinterpret_cast<std::uintptr_t>(&Fiber::Enter);
#endif
  inside_ = top;
}

void Fiber::Enter() {
  Fiber* self = entering_;
#ifdef WEFT_MODEL_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_size_);
#endif
  self->entry_(self->argument_);
  std::abort();
}

void Fiber::Resume() {
  entering_ = this;
#ifdef WEFT_MODEL_ASAN
  __sanitizer_start_switch_fiber(&outside_fake_, stack_ + kGuardBytes, kStackBytes);
#endif
  weft_model_switch(&outside_, inside_);
#ifdef WEFT_MODEL_ASAN
  __sanitizer_finish_switch_fiber(outside_fake_, nullptr, nullptr);
#endif
}

void Fiber::Suspend() {
#ifdef WEFT_MODEL_ASAN
  __sanitizer_start_switch_fiber(&inside_fake_, outside_stack_, outside_size_);
#endif
  weft_model_switch(&inside_, outside_);
#ifdef WEFT_MODEL_ASAN
  __sanitizer_finish_switch_fiber(inside_fake_, &outside_stack_, &outside_size_);
#endif
}

// What AddressSanitizer keeps for a fiber that will not be resumed: its fake stack, which goes when
// the fiber is left for good, and the marks of its frames.
void Fiber::Forget() {
#ifdef WEFT_MODEL_ASAN
  if (inside_fake_ != nullptr) {
    const void* stack = nullptr;
    std::size_t size = 0;
    void* own = nullptr;
    __sanitizer_start_switch_fiber(&own, stack_ + kGuardBytes, kStackBytes);
    __sanitizer_finish_switch_fiber(inside_fake_, &stack, &size);
    __sanitizer_start_switch_fiber(nullptr, stack, size);
    __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
    inside_fake_ = nullptr;
  }
  __asan_unpoison_memory_region(stack_ + kGuardBytes, kStackBytes);
#endif
}

}  // namespace weft::model_internal
