#include "sandbox/doctor.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/engine.h"
#include "sandbox/wire.h"

namespace airlock::sandbox {
namespace {

struct Listener {
  UniqueFd fd;
  std::uint16_t port = 0;
};

Result<Listener> listen_on_loopback() {
  Listener out{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  auto* const address = reinterpret_cast<sockaddr*>(&here);
  if (::bind(out.fd.get(), address, size) != 0 || ::listen(out.fd.get(), 4) != 0 || ::getsockname(out.fd.get(), address, &size) != 0)
    return os_fail("listen", "on the loopback");
  const UniqueFd ourselves(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(ourselves.get(), address, size) != 0) return os_fail("connect", "to the loopback");
  out.port = ntohs(here.sin_port);
  return out;
}

Result<void> connect_from_step(const Host::Impl& host, const Listener& listener) {
  auto engine = Engine::create(host, host.facts.layers);
  if (!engine) return fail(engine.error().error);
  const auto cancel = TRY(Cancel::create());
  std::string facts;
  StepSpec spec;
  spec.argv = {"/proc/self/exe", kProbeArgument, std::to_string(listener.port)};
  spec.network = {{IpAddress::v4({127, 0, 0, 1}), listener.port}};
  spec.resources.memory = 16 * kMiB;
  spec.resources.disk = 1 * kMiB;
  spec.resources.timeout = Millis{10'000};
  spec.resources.grace = Millis{0};
  spec.capture.on_event = [&facts](std::string_view line) { facts += std::string(line) + "\n"; };
  const auto finished = (*engine)->run(spec, cancel);
  if (!finished) return fail(finished.error().error);
  if (const auto error = step_error(*finished)) return fail(*error);
  if (!facts.ends_with("connect 0\n")) return fail(Code::kSandboxUnavailable, "the probe step did not reach its endpoint");
  return {};
}

std::string remedy() {
  if (const auto scope = read_control("/proc/sys/kernel/yama", "ptrace_scope"); scope && scope->starts_with('3'))
    return "kernel.yama.ptrace_scope is 3, which forbids to look at any other process, and stays so until the machine is booted with a lower one (/etc/sysctl.d).";
  return "Steps that declare endpoints need Linux 5.14 or newer and, in a container, the capability SYS_PTRACE. All other steps run without.";
}

}  // namespace

EndpointStatus probe_endpoints(const Host& host) {
  const auto listener = listen_on_loopback();
  if (!listener) return {false, listener.error().context, "The machine's own loopback must be up: ip link set lo up."};
  const auto connected = connect_from_step(host.impl(), *listener);
  if (!connected) return {false, connected.error().context, remedy()};
  return {true, "a step reached the one it was given", ""};
}

Json doctor_json(const Host& host, const EndpointStatus& endpoints) {
  Json layers = Json::array();
  bool ok = true;
  for (const LayerStatus& status : host.layers()) {
    Json layer = {{"name", std::string(layer_name(status.layer))}, {"ok", status.ok}, {"detail", status.detail}};
    if (!status.ok) layer["remedy"] = status.remedy;
    ok = ok && status.ok;
    layers.push_back(std::move(layer));
  }
  Json door = {{"ok", endpoints.ok}, {"detail", endpoints.detail}};
  if (!endpoints.ok) door["remedy"] = endpoints.remedy;
  return {{"ok", ok}, {"summary", host.summary()}, {"profile", host.profile().prefixed()}, {"layers", layers}, {"endpoints", std::move(door)}};
}

}  // namespace airlock::sandbox
