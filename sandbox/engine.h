// sandbox/engine: what a slot is made of; also what the probe uses before anything is known to work.
#pragma once

#include <memory>

#include "sandbox/cgroup.h"
#include "sandbox/host.h"
#include "sandbox/sandbox.h"
#include "sandbox/spawner.h"
#include "sandbox/start.h"

namespace airlock::sandbox {

// Runs steps one after the other behind the walls in `facts.layers`. Owns all that is prepared ahead of a step.
class Engine {
 public:
  // `host` must outlive the engine.
  static Attempt<std::unique_ptr<Engine>> create(const Host::Impl& host, LayerSet layers);

  Attempt<Finished> run(const StepSpec& spec, const Cancel& cancel);
  const HostFacts& facts() const { return facts_; }

 private:
  Engine(const Host::Impl& host, HostFacts facts) : host_(host), facts_(std::move(facts)) {}

  const Host::Impl& host_;
  HostFacts facts_;
  std::unique_ptr<SlotGroup> group_;
  UniqueFd user_ns_;                  // of the place
  std::unique_ptr<Spawner> spawner_;  // after group_: its thread sits in the groups and must leave them first
};

}  // namespace airlock::sandbox
