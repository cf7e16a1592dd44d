#include "bundle/import.h"

#include "base/io.h"
#include "bundle/pipeline.h"
#include "ledger/airgap.h"
#include "verify/dsse.h"

namespace airlock::bundle {
namespace {

// A fault of the machine or of the command says nothing about the bundle: there is no evidence to keep.
bool speaks_of_the_bundle(Code code) {
  const int status = code_info(code).exit_status;
  return code != Code::kTrustRootsRequired && code != Code::kInvalidTrustWindow && code != Code::kReasonRequired && code != Code::kRotationUnapproved &&
         code != Code::kPermission && code != Code::kStoreCorrupt && code != Code::kTimeRootsRequired && code != Code::kTimeClockRollback && (status == 2 || status == 3 || status == 5 || status == 6 || status == 8);
}

std::string subject_of(const Verdict& verdict) {
  if (!verdict.bundle_id || !verdict.generation) return "bundle:unknown";
  return "bundle:" + *verdict.bundle_id + "@" + std::to_string(*verdict.generation);
}

Result<void> record(const ImportRequest& request, ImportPorts& ports, Instant now, const char* kind, const Verdict& verdict) {
  return ports.ledger.write(now, [&](ledger::Tx& tx) -> Result<void> {
    TRY(tx.append(request.tenant, {kind, subject_of(verdict), who_of(request), std::nullopt, std::nullopt, verdict.to_json()}));
    return {};
  });
}

// The statement, if the envelope can be taken apart at all: for whoever looks at the evidence.
std::optional<std::string> statement_untrusted(const UniqueFd& file, const Limits& limits) {
  auto reader = archive::ArchiveReader::open(file.get(), {limits, false});
  if (!reader) return std::nullopt;
  const auto text = read_envelope_untrusted(*reader, limits);
  if (!text) return std::nullopt;
  auto envelope = verify::parse_envelope(*text, manifests::kManifestPath, limits);
  if (!envelope) return std::nullopt;
  return std::move(envelope->payload);
}

Result<std::string> quarantine(const ImportRequest& request, ImportPorts& ports, Instant now, const UniqueFd& file,
                               const Verdict& verdict) {
  const Refused refused{file, statement_untrusted(file, request.limits), verdict};
  auto kept = TRY(ports.quarantine.keep(request.tenant, refused, now, ports.entropy));
  for (const QuarantineEntry& gone : kept.removed) {
    TRY(ports.ledger.write(now, [&](ledger::Tx& tx) -> Result<void> {
      TRY(tx.append(request.tenant, {"quarantine.removed", "quarantine:" + gone.name, {.actor = request.actor}, std::nullopt,
                                     std::nullopt, {{"cause", "budget"}, {"bytes", gone.bytes}, {"reason", gone.reason}}}));
      return {};
    }));
  }
  return kept.path;
}

// One reading of the clock for the whole import, against what was proved before.
Result<verify::TrustedTime> trusted_time(ImportPorts& ports) {
  verify::TimeClaims claims{ports.clock.now(), ports.boot, std::nullopt, std::nullopt};
  if (const auto mark = TRY(ledger::high_water(ports.ledger))) claims.high_water = verify::HighWater{mark->time, mark->boot};
  claims.newest_anchor = TRY(ledger::newest_anchor_time(ports.ledger));
  return verify::judge_time(claims);
}

// The road of an import, from a path to an activation. What fails has been noted in the log by its stage.
Result<Activation> travel(Pipeline& pipeline, const ImportRequest& request, ImportPorts& ports,
                          std::optional<OpenedBundle>& opened) {
  opened = TRY(pipeline.open());
  const StoreLock turn = TRY(ports.store.lock(request.wait));
  SignedBundle bundle = TRY(pipeline.read(*opened));
  if (!request.repair)
    if (const auto active = TRY(pipeline.recognise(*opened, bundle))) return pipeline.confirm(std::move(bundle), *active);
  VerifiedBundle verified = TRY(pipeline.verify(TRY(pipeline.stage(std::move(bundle)))));
  if (request.dry_run) return Activation{verified.step() == Step::kAlreadyActive, 0, 0};
  // From here on nothing about the bundle is in doubt; only the machine can still fail.
  return pipeline.activate(TRY(pipeline.store(std::move(verified))), *opened);
}

}  // namespace

ledger::Who who_of(const ImportRequest& request) {
  ledger::Who who{.actor = request.actor, .trace_id = request.trace_id};
  if (request.force) {
    who.reason = request.force->reason;
    who.ticket = request.force->ticket;
  } else if (request.allow_stale) {
    who.reason = request.allow_stale->reason;
    who.ticket = request.allow_stale->ticket;
  }
  return who;
}

ImportOutcome import_bundle(const ImportRequest& request, ImportPorts ports) {
  ImportOutcome outcome;
  Verdict& verdict = outcome.verdict;
  verdict.file = request.path.substr(request.path.rfind('/') + 1);
  const auto time = trusted_time(ports);
  if (!time) {  // a ledger that cannot be read cannot be written to either
    verdict.refusal = time.error();
    return outcome;
  }
  const Instant now = time->now;
  CheckLog log(verdict, request.on_check);
  Pipeline pipeline(request, ports, *time, log);
  std::optional<OpenedBundle> opened;

  const auto activation = travel(pipeline, request, ports, opened);
  if (activation) {
    outcome.already_active = activation->already_active;
    outcome.new_blobs = activation->new_blobs;
    outcome.repaired_blobs = activation->repaired_blobs;
    verdict.activated = !request.dry_run;
  } else {
    verdict.refusal = activation.error();
    const Code code = activation.error().code;
    // A lock that others hold is not an event in the life of a bundle.
    if (code == Code::kBusy || code == Code::kLedgerBusy) return outcome;
    if (opened && !request.dry_run && speaks_of_the_bundle(code)) {
      auto kept = quarantine(request, ports, now, opened->file(), verdict);
      if (kept) outcome.quarantined = std::move(*kept);
      else outcome.unrecorded = kept.error();
    }
  }
  if (!activation || request.dry_run) {
    const auto recorded = record(request, ports, now, request.dry_run ? "bundle.dry_run" : "bundle.rejected", verdict);
    if (!recorded) outcome.unrecorded = recorded.error();
  }
  // Afterwards, never before: on ext4 a file made soon after many were removed is slow to make.
  if (!request.dry_run) (void)ports.store.sweep();  // ignoring: the next import sweeps again
  return outcome;
}

}  // namespace airlock::bundle
