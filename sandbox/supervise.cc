#include "sandbox/supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace airlock::sandbox {
namespace {

using Time = std::chrono::steady_clock;

// Between the notice that a v1 group is out of memory and the kernel's count of the kill.
constexpr int kOomRecheckMillis = 5;

class Watch {
 public:
  Watch(Started& started, Streams& streams, const Resources& resources, const SlotGroup& group, const Cancel& cancel, Broker* broker)
      : started_(started), streams_(streams), resources_(resources), group_(group), cancel_(cancel), broker_(broker),
        begin_(Time::now()), deadline_(begin_ + resources.timeout) {}

  Ended run() {
    while (!init_ended_) {
      wait();
      check_deadline();
    }
    reap();
    read_notes();
    // All writers are dead: what is in the pipes is all there will be.
    for (CapturedStream* stream : {&streams_.stdout_log, &streams_.stderr_log, &streams_.events}) drain_all(*stream);
    ended_.wall = std::chrono::duration_cast<Millis>(Time::now() - begin_);
    return ended_;
  }

 private:
  enum class Phase { kRunning, kAsked, kKilled };
  enum Source { kInit, kStdout, kStderr, kEvents, kStop, kKill, kOom, kNetwork, kSources };

  void wait() {
    std::array<pollfd, kSources> fds{};
    const auto watch = [&fds](Source source, int fd) { fds[source] = {fd, POLLIN, 0}; };
    watch(kInit, started_.pidfd.get());
    watch(kStdout, streams_.stdout_log.poll_fd());
    watch(kStderr, streams_.stderr_log.poll_fd());
    watch(kEvents, streams_.events.poll_fd());
    // Cancel events stay readable: each is watched only until it was seen.
    watch(kStop, phase_ == Phase::kRunning ? cancel_.stop_event().get() : -1);
    watch(kKill, phase_ != Phase::kKilled ? cancel_.kill_event().get() : -1);
    watch(kOom, phase_ != Phase::kKilled ? group_.oom_event().get() : -1);
    watch(kNetwork, broker_ != nullptr ? broker_->poll_fd().get() : -1);
    if (::poll(fds.data(), fds.size(), timeout_millis()) <= 0) {
      if (memory_notice_) check_memory();
      return;
    }
    const auto seen = [&fds](Source source) { return fds[source].revents != 0; };
    if (seen(kStdout)) streams_.stdout_log.drain();
    if (seen(kStderr)) streams_.stderr_log.drain();
    if (seen(kEvents)) streams_.events.drain();
    if (seen(kOom)) take_memory_notice();
    else if (memory_notice_) check_memory();
    if (seen(kNetwork)) broker_->serve();
    if (seen(kKill)) kill(KilledBy::kCancel);
    else if (seen(kStop)) ask(KilledBy::kCancel);
    init_ended_ = seen(kInit);
  }

  int timeout_millis() const {
    if (memory_notice_) return kOomRecheckMillis;
    if (phase_ == Phase::kKilled) return -1;
    const auto left = std::chrono::ceil<Millis>(deadline_ - Time::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
  }

  void check_deadline() {
    if (init_ended_ || phase_ == Phase::kKilled || Time::now() < deadline_) return;
    if (phase_ == Phase::kRunning) ask(KilledBy::kTimeout);
    else kill(ended_.killed_by == KilledBy::kTimeout ? KilledBy::kTimeoutAfterGrace : ended_.killed_by);
  }

  void ask(KilledBy why) {
    if (phase_ != Phase::kRunning) return;
    phase_ = Phase::kAsked;
    ended_.killed_by = why;
    deadline_ = Time::now() + resources_.grace;
    signal(SIGTERM);  // the init passes it on to every process of the step
  }

  void kill(KilledBy why) {
    if (phase_ == Phase::kKilled) return;
    phase_ = Phase::kKilled;
    ended_.killed_by = why;
    signal(SIGKILL);  // the init dies, and the kernel kills its whole namespace
  }

  void signal(int number) const {
    (void)::syscall(SYS_pidfd_send_signal, started_.pidfd.get(), number, nullptr, 0);  // ignoring: it ended by itself
  }

  void take_memory_notice() {
    std::uint64_t count = 0;
    (void)!::read(group_.oom_event().get(), &count, sizeof count);  // ignoring: only to make it unreadable
    memory_notice_ = true;
    check_memory();
  }

  void check_memory() {
    if (group_.oom_kills() == 0) return;  // reclaim may have helped in time
    memory_notice_ = false;
    kill(KilledBy::kOutOfMemory);
  }

  void reap() {
    int status = 0;
    rusage usage{};
    for (;;) {
      const pid_t got = ::wait4(started_.pid, &status, 0, &usage);
      if (got == started_.pid) ended_.usage = usage;
      if (got >= 0 || errno != EINTR) return;
    }
  }

  void read_notes() {
    for (const Note& note : started_.early) take(note);
    while (const auto got = receive_note(started_.control)) take(got->note);
  }

  void take(const Note& note) {
    if (note.kind == kNoteNotStarted) ended_.not_started = note.error;
    if (note.kind == kNoteEnded) ended_.wait_status = note.value;
  }

  static void drain_all(CapturedStream& stream) {
    for (std::uint64_t before = stream.evidence().bytes + 1; stream.evidence().bytes != before;) {
      before = stream.evidence().bytes;
      stream.drain();
    }
  }

  Started& started_;
  Streams& streams_;
  const Resources& resources_;
  const SlotGroup& group_;
  const Cancel& cancel_;
  Broker* const broker_;
  Time::time_point begin_, deadline_;
  Phase phase_ = Phase::kRunning;
  bool init_ended_ = false, memory_notice_ = false;
  Ended ended_;
};

}  // namespace

Ended supervise(Started& started, Streams& streams, const Resources& resources, const SlotGroup& group, const Cancel& cancel, Broker* broker) {
  return Watch(started, streams, resources, group, cancel, broker).run();
}

Outcome judge(const Ended& ended, std::uint64_t oom_kills) {
  using Kind = Outcome::Kind;
  if (oom_kills > 0) return {Kind::kOutOfMemory};
  if (ended.not_started) return {Kind::kNotStarted, *ended.not_started};
  switch (ended.killed_by) {
    case KilledBy::kTimeout: case KilledBy::kTimeoutAfterGrace: return {Kind::kTimedOut};
    case KilledBy::kCancel: return {Kind::kCancelled};
    case KilledBy::kOutOfMemory: return {Kind::kOutOfMemory};
    case KilledBy::kNobody: break;
  }
  if (!ended.wait_status) return {Kind::kSignaled, SIGKILL};  // its init was killed from outside
  if (WIFSIGNALED(*ended.wait_status)) return {Kind::kSignaled, WTERMSIG(*ended.wait_status)};
  return {Kind::kExited, WEXITSTATUS(*ended.wait_status)};
}

}  // namespace airlock::sandbox
