// sandbox/bpf_program: writes a classic BPF program for seccomp(2), forward jumps only, as few instructions as it takes.
//
// A step pays for each instruction twice: when the program is loaded (the kernel checks, translates and compiles it at
// every start, some 0.2 us an instruction) and at each system call on the way through. libseccomp's list of the same
// rules is three times as long, because it compares every number and every value for itself.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace airlock::sandbox {

class BpfProgram {
 public:
  using Label = std::size_t;
  Label label();          // a place that is still to come
  void place(Label at);   // is here

  void load(std::uint32_t offset);  // a word of seccomp_data
  void mask(std::uint32_t bits);
  void equal(std::uint32_t value, Label then, Label otherwise) { jump(BPF_JEQ, value, then, otherwise); }
  void at_least(std::uint32_t value, Label then, Label otherwise) { jump(BPF_JGE, value, then, otherwise); }
  void any_bit(std::uint32_t bits, Label then, Label otherwise) { jump(BPF_JSET, bits, then, otherwise); }
  void give(std::uint32_t action);

  // Where to go from each value of the word loaded last: from `first` on, up to the next run. In ascending order, the
  // first of them begins at 0.
  struct Run {
    std::uint32_t first;
    Label then;
  };
  void search(const std::vector<Run>& runs);

  // Nothing when a jump is longer than the format has room for (255), or a label was never placed.
  std::optional<std::vector<sock_filter>> finish() const;

 private:
  struct Instruction {
    std::uint16_t code;
    std::uint32_t k;
    Label then, otherwise;
  };
  void jump(std::uint16_t kind, std::uint32_t k, Label then, Label otherwise);
  void search(const Run* begin, const Run* end);

  std::vector<Instruction> instructions_;
  std::vector<std::optional<std::size_t>> places_;
};

}  // namespace airlock::sandbox
