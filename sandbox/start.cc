#include "sandbox/start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/io.h"
#include "sandbox/sys.h"

namespace airlock::sandbox {
namespace {

// Far above what any set-up takes; only a source on a dead network file system reaches it.
constexpr int kSetupTimeoutMillis = 60'000;

std::string os_text(int error) { return std::strerror(error); }  // NOLINT: messages of known errors are static

Result<void> write_proc(int pid, const char* file, std::string_view text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return os_fail("open", path);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return os_fail("write", path);
  return {};
}

struct ControlPair {
  UniqueFd runner, child;
};

Result<ControlPair> make_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return os_fail("socketpair", "for the control socket");
  const UniqueFd low(ends[1]);
  ControlPair pair{UniqueFd(ends[0]), UniqueFd(::fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestTaskFd))};
  if (!pair.child) return os_fail("fcntl F_DUPFD_CLOEXEC", "the control socket");
  return pair;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));  // execve takes them so, and reads only
  out.push_back(nullptr);
  return out;
}

// One start, from posting the request to the init's execution or the child's death.
class Starter {
 public:
  Starter(const Host::Impl& host, const SetupPlan& plan, Spawner& spawner, Broker* broker)
      : host_(host), plan_(plan), spawner_(spawner), broker_(broker) {}

  Attempt<Started> run(ChildTask& task, ControlPair control, int into_cgroup) {
    request_.task = &task;
    request_.flags = plan_.clone_flags;
    request_.into_cgroup = into_cgroup;
    control_ = std::move(control.runner);
    spawner_.post(request_);
    converse();
    control.child.reset();  // now the end of the control socket is the end of the init
    while (auto got = receive_note(control_)) take(std::move(*got));
    Started started{request_.pid, UniqueFd(request_.pidfd), std::move(control_), std::move(out_), std::move(mounts_), std::move(early_)};
    if (request_.result < 0)
      return std::unexpected(setup_failure(Layer::kUserNs, "clone3 with namespaces", static_cast<int>(-request_.result)));
    if (!failure_ && !started.out) failure_ = StartFailure{{Code::kSandboxSetup, "the child ended before it was set up"}, std::nullopt};
    if (!failure_) return started;
    bury(started);
    return std::unexpected(std::move(*failure_));
  }

 private:
  // Answers the child until the spawner's thread is free: then the init is executing, or the child is dead.
  void converse() {
    std::array<pollfd, 2> fds{{{spawner_.done().get(), POLLIN, 0}, {control_.get(), POLLIN, 0}}};
    for (;;) {
      const int ready = ::poll(fds.data(), fds.size(), kSetupTimeoutMillis);
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) give_up({{Code::kSandboxSetup, "no answer from the child within a minute"}, std::nullopt});
      if ((fds[1].revents & POLLIN) != 0)
        if (auto got = receive_note(control_)) take(std::move(*got));
      if ((fds[0].revents & POLLIN) != 0) return spawner_.await_done();
    }
  }

  void take(ReceivedNote got) {
    switch (got.note.kind) {
      case kNoteHello:
        if (auto failure = give_identity()) give_up(std::move(*failure));
        return;
      case kNoteOut:
        out_ = std::move(got.fds[0]);
        mounts_ = std::move(got.fds[1]);
        return;
      case kNoteFailed: {
        const Op& op = plan_.ops.at(static_cast<std::size_t>(got.note.value));
        if (failure_) return;
        failure_ = setup_failure(op.layer, describe(op), got.note.error);
        if (op.kind == OpKind::kExecInit && got.note.error == E2BIG)
          failure_ = StartFailure{{Code::kStepInput, "the arguments and environment are longer than the kernel takes"}, std::nullopt};
        return;
      }
      case kNoteListener:
        if (auto failure = take_listener(got.note.value)) give_up(std::move(*failure));
        return;
      default: early_.push_back(got.note);  // the init was quicker than we: for the supervisor
    }
  }

  std::optional<StartFailure> give_identity() {
    const auto failed = [](Error error) { return StartFailure{{Code::kSandboxSetup, "identity: " + error.context}, Layer::kIdentity}; };
    const int pid = request_.pid;
    if (!plan_.uid_map.empty()) {
      if (plan_.deny_setgroups)
        if (auto done = write_proc(pid, "setgroups", "deny"); !done) return failed(done.error());
      if (auto done = write_proc(pid, "gid_map", plan_.gid_map); !done) return failed(done.error());
      if (auto done = write_proc(pid, "uid_map", plan_.uid_map); !done) return failed(done.error());
    }
    if (host_.facts.raise_oom_score)
      if (auto done = write_proc(pid, "oom_score_adj", "0"); !done) return failed(done.error());
    if (!go_on()) return failed(os_error("send", "the control socket", errno));
    return std::nullopt;
  }

  std::optional<StartFailure> take_listener(int in_child) {
    UniqueFd listener(static_cast<int>(::syscall(SYS_pidfd_getfd, request_.pidfd.load(), in_child, 0)));
    if (!listener) return setup_failure(Layer::kSeccomp, "take the seccomp listener (pidfd_getfd)", errno);
    if (broker_ == nullptr) return setup_failure(Layer::kSeccomp, "take the seccomp listener", EINVAL);
    if (auto listening = broker_->listen(std::move(listener)); !listening) return StartFailure{listening.error(), std::nullopt};
    if (!go_on()) return setup_failure(Layer::kSeccomp, "send", errno);
    return std::nullopt;
  }

  bool go_on() const { return ::send(control_.get(), "g", 1, MSG_NOSIGNAL) == 1; }

  void give_up(StartFailure failure) {
    if (!failure_) failure_ = std::move(failure);
    if (const int pidfd = request_.pidfd; pidfd >= 0) (void)::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);  // ignoring: dead already
  }

  static void bury(const Started& started) {
    (void)::syscall(SYS_pidfd_send_signal, started.pidfd.get(), SIGKILL, nullptr, 0);  // ignoring: dead already
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(started.pidfd.get()), &info, WEXITED) != 0 && errno == EINTR) {
    }
  }

  const Host::Impl& host_;
  const SetupPlan& plan_;
  Spawner& spawner_;
  Broker* const broker_;
  SpawnRequest request_;
  UniqueFd control_, out_, mounts_;
  std::vector<Note> early_;
  std::optional<StartFailure> failure_;
};

// The mounts that the child attaches, for one that cannot reach them itself.
class OpenedSources {
 public:
  std::optional<StartFailure> open(const SetupPlan& plan, std::vector<int>& slots) {
    for (const HostSource& source : plan.sources) {
      const long fd = sys::open_tree_without_links(source.path.c_str(), source.recursive);
      if (fd < 0) return setup_failure(Layer::kRoot, "open " + source.path, static_cast<int>(-fd));
      slots[source.slot] = opened_.emplace_back(static_cast<int>(fd)).get();
    }
    return std::nullopt;
  }

 private:
  std::vector<UniqueFd> opened_;
};

}  // namespace

StartFailure setup_failure(Layer layer, const std::string& what, int error) {
  return {{Code::kSandboxSetup, std::string(layer_name(layer)) + ": " + what + ": " + os_text(error)}, layer};
}

std::optional<ReceivedNote> receive_note(const UniqueFd& control) {
  ReceivedNote got{};
  iovec part{&got.note, sizeof got.note};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  const ssize_t n = ::recvmsg(control.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  for (cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr; header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < got.fds.size() && CMSG_LEN((i + 1) * sizeof(int)) <= header->cmsg_len; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      got.fds[i] = UniqueFd(fd);
    }
  }
  if (n != static_cast<ssize_t>(sizeof got.note)) return std::nullopt;
  return got;
}

Attempt<Started> start_step(const Host::Impl& host, const SetupPlan& plan, Spawner& spawner, const SlotGroup& group, const UniqueFd& user_ns,
                            Streams& streams, Broker* broker) {
  auto control = make_control();
  if (!control) return std::unexpected(StartFailure{control.error(), std::nullopt});
  std::vector<int> slots(plan.slots, -1);
  OpenedSources sources;
  if (auto failure = sources.open(plan, slots)) return std::unexpected(std::move(*failure));
  const std::vector<char*> argv = pointers(plan.argv), env = pointers(plan.env);
  ChildTask task;
  task.ops = plan.ops;
  task.slots = slots;
  task.argv = argv.data();
  task.env = env.data();
  const auto& program = (broker != nullptr ? host.brokered : host.seccomp).program;
  task.seccomp.len = static_cast<unsigned short>(program.size());
  task.seccomp.filter = const_cast<sock_filter*>(program.data());  // the kernel only reads it
  task.stdout_fd = streams.stdout_log.write_end().get();
  task.stderr_fd = streams.stderr_log.write_end().get();
  task.events_fd = streams.events.write_end().get();
  task.control_fd = control->child.get();
  task.runner_end_fd = control->runner.get();
  task.init_fd = host.init_file.get();
  task.user_ns_fd = user_ns.get();
  task.await_identity = !plan.uid_map.empty() || (host.facts.raise_oom_score && !host.facts.place);
  Starter starter(host, plan, spawner, broker);
  auto started = starter.run(task, std::move(*control), group.clone_into().get());
  for (CapturedStream* stream : {&streams.stdout_log, &streams.stderr_log, &streams.events}) stream->write_end().reset();
  return started;
}

}  // namespace airlock::sandbox
