#include "sandbox/bpf_program.h"

namespace airlock::sandbox {

BpfProgram::Label BpfProgram::label() {
  places_.emplace_back();
  return places_.size() - 1;
}

void BpfProgram::place(Label at) { places_[at] = instructions_.size(); }

void BpfProgram::load(std::uint32_t offset) { instructions_.push_back({BPF_LD | BPF_W | BPF_ABS, offset, 0, 0}); }
void BpfProgram::mask(std::uint32_t bits) { instructions_.push_back({BPF_ALU | BPF_AND | BPF_K, bits, 0, 0}); }
void BpfProgram::give(std::uint32_t action) { instructions_.push_back({BPF_RET | BPF_K, action, 0, 0}); }

void BpfProgram::jump(std::uint16_t kind, std::uint32_t k, Label then, Label otherwise) {
  instructions_.push_back({static_cast<std::uint16_t>(BPF_JMP | kind | BPF_K), k, then, otherwise});
}

void BpfProgram::search(const std::vector<Run>& runs) { search(runs.data(), runs.data() + runs.size()); }

// A run of its own needs no instruction: whoever compares jumps to where it leads.
void BpfProgram::search(const Run* begin, const Run* end) {
  const Run* const middle = begin + (end - begin) / 2;
  const Label left = middle - begin > 1 ? label() : begin->then, right = end - middle > 1 ? label() : middle->then;
  at_least(middle->first, right, left);
  if (middle - begin > 1) {
    place(left);
    search(begin, middle);
  }
  if (end - middle > 1) {
    place(right);
    search(middle, end);
  }
}

std::optional<std::vector<sock_filter>> BpfProgram::finish() const {
  std::vector<sock_filter> program;
  for (std::size_t at = 0; at < instructions_.size(); ++at) {
    const Instruction& from = instructions_[at];
    sock_filter out{from.code, 0, 0, from.k};
    if (BPF_CLASS(from.code) == BPF_JMP) {
      for (const auto& [label, offset] : {std::pair{from.then, &out.jt}, std::pair{from.otherwise, &out.jf}}) {
        if (!places_[label] || *places_[label] <= at || *places_[label] - at - 1 > 255) return std::nullopt;
        *offset = static_cast<std::uint8_t>(*places_[label] - at - 1);
      }
    }
    program.push_back(out);
  }
  return program;
}

}  // namespace airlock::sandbox
