// future/stop_token.h — std::stop_token and CancelToken, each cancelled by the other.
//
//   weft::CancelOnStop cancel(stop_token);          // a library of ours under a thread of theirs
//   weft::Context cx(waker, cancel.token());
//
//   weft::StopOnCancel stop(co_await weft::CurrentToken());
//   theirs.Run(stop.token());                       // a library of theirs under a task of ours
//
//   Thread safety    Thread-compatible; the tokens as they are.
//   Memory ordering  What X did before it requested the stop is visible to Y, who sees it.
//   Complexity       One allocation each.
//   Lifetime         The links last as long as the objects; the tokens may live longer and are then
//                    not cancelled any more.
#ifndef WEFT_FUTURE_STOP_TOKEN_H_
#define WEFT_FUTURE_STOP_TOKEN_H_

#include <stop_token>
#include <utility>

#include "future/cancel.h"

namespace weft {

// Owns a token of ours that a std::stop_token cancels, at once and on the thread of the stop, which
// wakes tasks and runs nothing else.
class CancelOnStop {
 public:
  // The token is a child of `parent` as well.
  explicit CancelOnStop(std::stop_token stop, const CancelToken& parent = {})
      : source_(parent), callback_(std::move(stop), Cancel{&source_}) {}
  CancelOnStop(const CancelOnStop&) = delete;
  CancelOnStop& operator=(const CancelOnStop&) = delete;

  const CancelToken& token() const { return source_.token(); }

 private:
  struct Cancel {
    void operator()() const noexcept { source->Cancel(); }
    CancelSource* source;
  };

  CancelSource source_;
  std::stop_callback<Cancel> callback_;  // its destructor waits for a stop that is under way
};

// Owns a std::stop_token that a token of ours stops, at once. The std::stop_callbacks of others
// then run on the thread of Cancel(), which is what std::stop_token is: keep them short.
class StopOnCancel {
 public:
  explicit StopOnCancel(const CancelToken& token);
  StopOnCancel(const StopOnCancel&) = delete;
  StopOnCancel& operator=(const StopOnCancel&) = delete;
  ~StopOnCancel();

  std::stop_token token() const;

 private:
  class State;

  State* const state_;  // one reference; the registered waker has another
  CancelRegistration registration_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_STOP_TOKEN_H_
