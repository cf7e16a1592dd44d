#include "bench/sandbox_worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "sandbox/sandbox.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

bool read_all(int fd, void* to, std::size_t size) {
  for (auto* at = static_cast<char*>(to); size > 0;) {
    const ssize_t n = ::read(fd, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void send(int fd, const void* bytes, std::size_t size) {
  if (::write(fd, bytes, size) != static_cast<ssize_t>(size)) ::_exit(1);  // whoever asked is gone
}

double user_micros() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) * 1e6 + static_cast<double>(usage.ru_utime.tv_usec);
}

}  // namespace

Worker::Worker(const std::string& folder, const std::string& program, const std::function<bool()>& prepare) {
  int down[2], up[2];
  if (::pipe(down) != 0 || ::pipe(up) != 0) return;
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::close(down[1]);
    ::close(up[0]);
    serve(folder, program, prepare, down[0], up[1]);
  }
  ::close(down[0]);
  ::close(up[1]);
  to_ = down[1];
  from_ = up[0];
  char hello = 0;
  ready_ = pid_ > 0 && read_all(from_, &hello, 1) && hello == 'y';
}

Worker::~Worker() {
  ::close(to_);
  ::close(from_);
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

void Worker::ask(unsigned starts) {
  asked_ = starts;
  send(to_, &starts, sizeof starts);
}

std::vector<double> Worker::answer(double* user) {
  std::vector<double> micros(asked_);
  double spent = 0;
  if (!read_all(from_, micros.data(), micros.size() * sizeof(double)) || !read_all(from_, &spent, sizeof spent)) return {};
  if (user != nullptr) *user = spent;
  for (const double one : micros)
    if (one < 0) return {};
  return micros;
}

void Worker::serve(const std::string& folder, const std::string& program, const std::function<bool()>& prepare, int in, int out) {
  if (!prepare()) ::_exit(1);
  const auto host = Host::probe();
  if (!host) ::_exit(1);
  // Measured with what the host has; the caller says what is missing.
  Policy policy;
  for (const LayerStatus& status : (*host)->layers())
    if (!status.ok) policy.allow_degraded.push_back({status.layer, "bench"});
  {
    const auto slot = Slot::create(*host, policy);
    const auto cancel = Cancel::create();
    if (!slot || !cancel) ::_exit(1);
    StepSpec spec;
    spec.argv = {"/plugin/" + program};
    spec.mounts = {{folder, "/plugin"}};
    send(out, "y", 1);
    for (unsigned starts = 0; read_all(in, &starts, sizeof starts);) {
      std::vector<double> micros;
      const double before = user_micros();
      for (unsigned i = 0; i < starts; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const auto finished = (*slot)->run(spec, *cancel);
        const auto end = std::chrono::steady_clock::now();
        micros.push_back(finished && !step_error(*finished) ? std::chrono::duration<double, std::micro>(end - begin).count() : -1);
      }
      const double spent = user_micros() - before;
      send(out, micros.data(), micros.size() * sizeof(double));
      send(out, &spent, sizeof spent);
    }
  }  // the slot removes its groups
  ::_exit(0);
}
