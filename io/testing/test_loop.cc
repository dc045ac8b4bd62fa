#include "io/testing/test_loop.h"

#include <algorithm>
#include <new>

namespace weft {
namespace {

std::unique_ptr<EpollReactor> MakeReactor() {
  auto reactor = EpollReactor::Create();
  WEFT_CHECK(reactor.ok()) << "TestLoop(): " << reactor.status();
  return *std::move(reactor);
}

}  // namespace

TestLoop::TestLoop(Reactors reactors, TaskTracking track_tasks) : loop_reactor_(MakeReactor()) {
  if (track_tasks == TaskTracking::kOn) ListTasksIn(&registry_.emplace());
  io_reactor_ = loop_reactor_.get();
  if (reactors == Reactors::kSameThread) return;
  other_reactor_ = MakeReactor();
  io_reactor_ = other_reactor_.get();
  poller_.emplace([this] {
    while (!stop_poller_.load()) other_reactor_->Poll(Instant::InfiniteFuture());
  });
}

TestLoop::~TestLoop() {
  source_.Cancel();
  while (live_tasks_ > 0) RunOnce();
  RunReady();
  if (!poller_) return;
  stop_poller_.store(true);
  other_reactor_->Wake();
  poller_->join();
}

void TestLoop::RunOnce(Instant deadline) {
  timers_.Fire();
  if (Runnable* const runnable = PopReady()) {
    runnable->Run();
  } else {
    Sleep(std::min(deadline, timers_.NextDeadline()));
  }
}

void TestLoop::RunReady() {
  while (true) {
    timers_.Fire();
    while (Runnable* const runnable = PopReady()) runnable->Run();
    loop_reactor_->Poll(Instant::InfinitePast());
    MutexLock lock(&mu_);
    if (ready_.empty()) return;
  }
}

void TestLoop::Schedule(Runnable* runnable, ScheduleHint) {
  {
    MutexLock lock(&mu_);
    ready_.push_back(runnable);
  }
  loop_reactor_->Wake();
}

Runnable* TestLoop::PopReady() {
  MutexLock lock(&mu_);
  if (ready_.empty()) return nullptr;
  Runnable* const runnable = ready_.front();
  ready_.pop_front();
  return runnable;
}

// A task that is scheduled after PopReady found none has raised the reactor's wake-up.
void TestLoop::Sleep(Instant deadline) { loop_reactor_->Poll(deadline); }

TestLoop::Timers::Node* TestLoop::Timers::NodeOf(TimerSlot& slot) {
  static_assert(sizeof(Node) <= TimerSlot::kStorageBytes);
  return std::launder(reinterpret_cast<Node*>(slot.storage));
}

Waker TestLoop::Timers::Take(Node* node) {
  Waker waker = std::move(node->waker);
  node->slot->is_armed.store(false);
  node->~Node();
  return waker;
}

void TestLoop::Timers::Arm(TimerSlot& slot, Instant deadline, Waker waker) {
  Cancel(slot);
  Node* const node = new (slot.storage) Node;
  node->slot = &slot;
  node->waker = std::move(waker);
  slot.is_armed.store(true);
  wheel_.Arm(node, deadline);
}

void TestLoop::Timers::Cancel(TimerSlot& slot) {
  if (!slot.is_armed.load()) return;
  wheel_.Cancel(NodeOf(slot));
  Take(NodeOf(slot)).Reset();
}

void TestLoop::Timers::Fire() {
  wheel_.Advance(MonotonicNow());
  while (TimerEntry* const entry = wheel_.PopExpired()) Take(static_cast<Node*>(entry)).Wake();
}

}  // namespace weft
