#include "isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>

#include "base/io.h"

namespace airlock::conformance {
namespace {

constexpr rlim_t kMemory = 2 * kGiB, kCpuSeconds = 120, kFileBytes = kGiB;
constexpr std::chrono::seconds kPatience{180};

void limit(__rlimit_resource what, rlim_t to) {
  const rlimit bound{to, to};
  (void)::setrlimit(what, &bound);  // ignoring: a lower bound that is already there is as good
}

[[noreturn]] void child(RunCase run, const Case& c, int out) {
#if !defined(__SANITIZE_ADDRESS__)  // a sanitizer's shadow is address space, too
  limit(RLIMIT_AS, kMemory);
#endif
  limit(RLIMIT_CPU, kCpuSeconds);
  limit(RLIMIT_FSIZE, kFileBytes);
  limit(RLIMIT_CORE, 0);
  Report report(c.id());
  try {
    run(c, report);
  } catch (const std::exception& e) {
    report.differ(std::string(to_string(c.expect())), "an exception", e.what());
  }
  const std::string text = report.to_json().dump(-1, ' ', true, Json::error_handler_t::replace);
  ::_exit(write_all(out, text, "pipe") ? 0 : 1);
}

// What the child wrote until it ended; nullopt when it did not end in time.
std::optional<std::string> collect(int in) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wait{in, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return std::nullopt;
    const ssize_t n = ::read(in, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

Report run_isolated(RunCase run, const Case& c) {
  Report broken(c.id());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    broken.unusable(os_error("pipe2", "", errno));
    return broken;
  }
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) {
    broken.unusable(os_error("fork", "", errno));
    return broken;
  }
  if (pid == 0) child(run, c, out.get());
  out = UniqueFd();
  const auto text = collect(in.get());
  if (!text) (void)::kill(pid, SIGKILL);  // ignoring: then it has ended by itself
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string expected(to_string(c.expect()));
  if (!text) {
    broken.differ(expected, "no answer", "it did not end within " + std::to_string(kPatience.count()) + " s");
  } else if (WIFSIGNALED(status)) {
    broken.differ(expected, "a crash", std::string("signal ") + ::strsignal(WTERMSIG(status)));
  } else if (const auto json = parse_json(*text, "report"); json && WEXITSTATUS(status) == 0) {
    return Report::from_json(*json, c.id());
  } else {
    broken.differ(expected, "a crash", "exit " + std::to_string(WEXITSTATUS(status)) + " without a report");
  }
  return broken;
}

}  // namespace airlock::conformance
