// tools/model/internal/fiber.h — threads of a scenario that take turns on one thread of the system.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_FIBER_H_
#define WEFT_TOOLS_MODEL_INTERNAL_FIBER_H_

#include <cstddef>

namespace weft::model_internal {

// A stack and where it stands. Start() may be called again at any time: what ran before is
// forgotten, without destructors.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next Resume() calls entry(argument). It must not return; its last act is Suspend().
  void Start(void (*entry)(void*), void* argument);

  // From outside: runs the fiber until it calls Suspend().
  void Resume();

  // From inside: goes back to who called Resume().
  void Suspend();

 private:
  static void Enter();
  void Forget();

  static Fiber* entering_;

  char* stack_;
  void* inside_ = nullptr;   // Stack pointer of the fiber while it does not run.
  void* outside_ = nullptr;  // Stack pointer of Resume()'s caller while it runs.
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  // AddressSanitizer's.
  [[maybe_unused]] void* inside_fake_ = nullptr;
  [[maybe_unused]] void* outside_fake_ = nullptr;
  [[maybe_unused]] const void* outside_stack_ = nullptr;
  [[maybe_unused]] std::size_t outside_size_ = 0;
};

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_FIBER_H_
