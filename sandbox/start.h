// sandbox/start: starts one planned step and answers its child until the init is executing.
#pragma once

#include <array>
#include <expected>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/broker.h"
#include "sandbox/capture.h"
#include "sandbox/host.h"
#include "sandbox/setup_plan.h"
#include "sandbox/spawner.h"
#include "sandbox/wire.h"

namespace airlock::sandbox {

struct StartFailure {
  Error error;
  std::optional<Layer> layer;  // the wall that could not be built, where that is what failed
};
template <class T>
using Attempt = std::expected<T, StartFailure>;

StartFailure setup_failure(Layer layer, const std::string& what, int error);

struct Streams {
  CapturedStream stdout_log, stderr_log, events;
};

struct Started {
  int pid = 0;
  UniqueFd pidfd;
  UniqueFd control;  // notes of the init
  UniqueFd out;
  UniqueFd mounts;   // holds the mount namespace: else its end would be part of the step's
  std::vector<Note> early;  // notes of the init that came while it was being started
};

// Every failure leaves no process behind.
// `user_ns`: of the place that the plan starts from, if it does. `broker`: of a step with endpoints; it gets the listener.
Attempt<Started> start_step(const Host::Impl& host, const SetupPlan& plan, Spawner& spawner, const SlotGroup& group, const UniqueFd& user_ns,
                            Streams& streams, Broker* broker);

// The next note on a control socket; nothing when none is there.
struct ReceivedNote {
  Note note;
  std::array<UniqueFd, 2> fds;
};
std::optional<ReceivedNote> receive_note(const UniqueFd& control);

}  // namespace airlock::sandbox
