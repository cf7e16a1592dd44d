#include <memory>

#include "cli/shell.h"
#include "sandbox/doctor.h"

namespace airlock::cli {
namespace {

Result<int> doctor(const Shell& shell) {
  const auto host = TRY(sandbox::Host::probe());
  bool all = true;
  std::size_t widest = 0;
  for (const auto& layer : host->layers()) widest = std::max(widest, layer_name(layer.layer).size());
  std::string text = host->summary() + "\n";
  for (const auto& layer : host->layers()) {
    all = all && layer.ok;
    const std::string name(layer_name(layer.layer));
    text += "  " + paint(layer.ok ? "ok  " : "FAIL", layer.ok ? Tone::kGood : Tone::kBad, shell.terminal.stdout_colour) + "  " + name +
            std::string(widest - name.size() + 2, ' ') + printable(layer.detail) + "\n";
    if (!layer.ok) text += std::string(widest + 10, ' ') + "remedy: " + layer.remedy + "\n";
  }
  const auto endpoints = all ? sandbox::probe_endpoints(*host) : sandbox::EndpointStatus{false, "not tried: a layer is missing", "Get the layers first."};
  text += "  " + paint(endpoints.ok ? "ok  " : "--  ", endpoints.ok ? Tone::kGood : Tone::kWarn, shell.terminal.stdout_colour) + "  endpoints" +
          std::string(widest - std::string_view("endpoints").size() + 2, ' ') + printable(endpoints.detail) + "\n";
  if (!endpoints.ok) text += std::string(widest + 10, ' ') + "remedy: " + endpoints.remedy + "\n";
  TRY(shell.emit(sandbox::doctor_json(*host, endpoints), text));
  if (!all) return code_info(Code::kSandboxUnavailable).exit_status;
  return 0;
}

}  // namespace

void register_doctor(CLI::App& app, Shell& shell) {
  add_command(app, shell, "doctor", "say which sandbox layers hold on this host, and how to get the others", [&shell] { return doctor(shell); });
}

}  // namespace airlock::cli
