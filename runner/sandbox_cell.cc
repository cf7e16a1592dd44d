#include <utility>

#include "runner/executor.h"

namespace airlock::runner {
namespace {

class SandboxCell : public Cell {
 public:
  explicit SandboxCell(std::unique_ptr<sandbox::Slot> slot) : slot_(std::move(slot)) {}
  Result<sandbox::Finished> run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) override {
    return slot_->run(spec, cancel);
  }

 private:
  std::unique_ptr<sandbox::Slot> slot_;
};

}  // namespace

Result<std::unique_ptr<Executor>> make_sandbox_executor(std::shared_ptr<const sandbox::Host> host,
                                                        const sandbox::Policy& policy, std::size_t workers,
                                                        bundle::Store& store, Clock& clock) {
  const Digest profile = host->profile();
  const CellFactory cells = [host = std::move(host), policy]() -> Result<std::unique_ptr<Cell>> {
    return std::make_unique<SandboxCell>(TRY(sandbox::Slot::create(host, policy)));
  };
  return Executor::create(cells, workers, profile, store, clock);
}

}  // namespace airlock::runner
