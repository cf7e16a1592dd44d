#include "tests/ledger/support.h"

#include "base/note_text.h"
#include "ledger/event.h"
#include "verify/merkle_proof.h"

using namespace airlock;
using namespace airlock::testing;

namespace {

ledger::NewEvent note(const std::string& text) {
  return {"audit.noted", "note:1", kAlice, std::nullopt, std::nullopt, {{"text", text}}};
}

void append(Ledger& ledger, std::size_t n, const std::string& who = "acme", Instant now = kStart) {
  value(ledger.write(now, [&](Tx& tx) -> Result<void> {
    for (std::size_t i = 0; i < n; ++i) TRY(tx.append(tenant(who), note(std::to_string(i))));
    return {};
  }));
}

Digest naive_root(const std::vector<Digest>& leaves, std::size_t from, std::size_t to) {
  if (from == to) return Digest::of_empty();
  if (to - from == 1) return leaves[from];
  std::size_t split = 1;
  while (split * 2 < to - from) split *= 2;
  return merkle_node(naive_root(leaves, from, from + split), naive_root(leaves, from + split, to));
}

}  // namespace

TEST_CASE("an event is stored as the canonical line whose hash is the leaf") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
    CHECK(value(tx.append(tenant(), note("a"))) == 0);
    CHECK(value(tx.append(tenant("zeta"), note("b"))) == 0);
    CHECK(value(tx.append(tenant(), {"audit.noted",
                                     "note:2",
                                     {"bob", "why", "T-9", std::string(32, '1')},
                                     Json{{"x", 1}},
                                     Json{{"x", 2}},
                                     {{"z", 1}, {"a", 2}}})) == 1);
    return {};
  }));
  const auto lines = value(ledger::history(ledger, tenant(), 0, 100));
  REQUIRE(lines.size() == 2);
  CHECK(
      lines[1].line ==
      R"({"actor":"bob","after":{"x":2},"before":{"x":1},"data":{"a":2,"z":1},"kind":"audit.noted","reason":"why","seq":1,)"
      R"("subject":"note:2","tenant":"acme","ticket":"T-9","traceId":"11111111111111111111111111111111","ts":")" +
          kStart.text() + R"("})");
  CHECK(lines[1].leaf_hash == merkle_leaf(lines[1].line));
  CHECK(value(ledger::log_head(ledger, tenant())).root() ==
        merkle_node(lines[0].leaf_hash, lines[1].leaf_hash));
  CHECK(value(ledger::tenants(ledger)) == std::vector{tenant(), tenant("zeta")});
  require_sound(ledger);
}

TEST_CASE("what is not committed does not exist") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  {
    Tx tx = value(ledger.begin(kStart));
    value(tx.append(tenant(), note("lost")));
    CHECK(code_of(ledger.begin(kStart)) == Code::kLedger);
    CHECK(value(ledger::log_head(tx, tenant())).size() == 1);
    CHECK(value(ledger::log_head(ledger, tenant())).size() == 0);
  }
  CHECK(value(ledger::log_head(ledger, tenant())).size() == 0);
  append(ledger, 1);
  CHECK(value(ledger::log_head(ledger, tenant())).size() == 1);
}

TEST_CASE("an event without its parts is refused, and nothing of its transaction is committed") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  const std::vector<std::pair<std::string, ledger::NewEvent>> bad = {
      {"no kind", {"", "x", kAlice}},
      {"no dot", {"run", "x", kAlice}},
      {"two dots", {"a.b.c", "x", kAlice}},
      {"no subject", {"audit.noted", "", kAlice}},
      {"no actor", {"audit.noted", "x", {""}}},
      {"data is a list", {"audit.noted", "x", kAlice, {}, {}, Json::array()}},
      {"unknown run kind", {"run.exploded", "run:1", kAlice}},
      {"a job without its data", {"job.submitted", "job:1", kAlice, {}, Json{{"state", "pending"}}}},
      {"a run that is not there", {"run.running", "run:1", kAlice, {}, Json{{"state", "running"}}}},
      {"not UTF-8", {"audit.noted", "x\xff", kAlice}}};
  for (const auto& [name, event] : bad) {
    INFO(name);
    Tx tx = value(ledger.begin(kStart));
    CHECK_FALSE(tx.append(tenant(), event));
  }
  Tx tx = value(ledger.begin(kStart));
  value(tx.append(tenant(), note("first")));
  CHECK_FALSE(tx.append(tenant(), {"job.submitted", "job:1", kAlice, {}, Json{{"state", "pending"}}}));
  CHECK(code_of(tx.commit()) == Code::kLedger);
}

TEST_CASE("a clock that is set back does not reorder a log") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  for (const int minute : {0, 5, 1, 6}) append(ledger, 1, "acme", kStart + Millis(minute * 60'000));
  const auto at = [&](int minute) {
    return value(ledger::first_seq_at(ledger, tenant(), kStart + Millis(minute * 60'000)));
  };
  CHECK(at(-1) == 0);
  CHECK(at(0) == 0);
  CHECK(at(1) == 1);
  CHECK(at(5) == 1);
  CHECK(at(6) == 3);
  CHECK(at(7) == 4);
  require_sound(ledger);
}

TEST_CASE("heads, past heads and proofs agree with the definition, and with the verifier") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db", writable());
  append(ledger, 700);
  std::vector<Digest> leaves;
  value(ledger::for_each_line(ledger, tenant(), 0, 700, [&](const ledger::HistoryLine& line) -> Result<void> {
    leaves.push_back(line.leaf_hash);
    return {};
  }));
  REQUIRE(leaves.size() == 700);
  for (const std::uint64_t size : {0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 640, 699, 700}) {
    INFO(size);
    CHECK(value(ledger::log_at(ledger, tenant(), size)).root() == naive_root(leaves, 0, size));
    for (const std::uint64_t old : {0, 1, 128, 256, 500, 512, 700}) {
      if (old > size) continue;
      INFO(old);
      const auto proof = value(ledger::consistency_proof(ledger, tenant(), old, size));
      value(verify::check_consistency(old, naive_root(leaves, 0, old), size, naive_root(leaves, 0, size),
                                      proof));
    }
    for (const std::uint64_t seq : {0, 1, 255, 256, 511, 600, 699}) {
      if (seq >= size) continue;
      INFO(seq);
      const auto proof = value(ledger::inclusion_proof(ledger, tenant(), seq, size));
      value(verify::check_inclusion(seq, size, leaves[seq], proof, naive_root(leaves, 0, size)));
    }
  }
  CHECK(code_of(ledger::log_at(ledger, tenant(), 701)) == Code::kUsage);
  CHECK(code_of(ledger::consistency_proof(ledger, tenant(), 5, 701)) == Code::kUsage);
  CHECK(code_of(ledger::inclusion_proof(ledger, tenant(), 700, 700)) == Code::kUsage);
  require_sound(ledger);
}

TEST_CASE("a checkpoint is due after so many events or so much time, and on demand") {
  const TempDir dir;
  Options options = writable(&site_key());
  options.checkpoint_events = 10;
  Ledger ledger = open(dir / "ledger.db", options);
  const auto sizes = [&] {
    std::vector<std::uint64_t> out;
    for (const auto& c : value(ledger::checkpoints(ledger, tenant()))) out.push_back(c.size);
    return out;
  };
  append(ledger, 9);
  CHECK(sizes().empty());
  append(ledger, 1);
  CHECK(sizes() == std::vector<std::uint64_t>{10});
  append(ledger, 1, "acme", kStart + Millis(59'999));
  CHECK(sizes().size() == 1);
  append(ledger, 1, "acme", kStart + Millis(60'000));
  CHECK(sizes() == std::vector<std::uint64_t>{10, 12});
  append(ledger, 1, "acme", kStart + Millis(60'000));
  const std::string on_demand = value(ledger.write(kStart, [&](Tx& tx) { return tx.checkpoint(tenant()); }));
  const std::string again =
      value(ledger.write(kStart + Millis(1), [&](Tx& tx) { return tx.checkpoint(tenant()); }));
  CHECK(on_demand == again);
  CHECK(sizes() == std::vector<std::uint64_t>{10, 12, 13});
  const auto last = value(ledger::last_checkpoint(ledger, tenant()));
  CHECK(last->note == on_demand);
  CHECK(value(ledger::checkpoint_at(ledger, tenant(), 12))->size == 12);
  CHECK_FALSE(value(ledger::checkpoint_at(ledger, tenant(), 11)));
  CHECK(on_demand.starts_with("airlock/" + site_key().key_id().substr(0, 16) + "/acme\n13\n"));
  require_sound(ledger);
}

TEST_CASE("a checkpoint is the note that verify writes") {
  const Digest root = Digest::of("root");
  const std::string name = "airlock/0123456789abcdef";
  const std::string ours = value(signed_checkpoint(name, name + "/acme", 42, root, site_key()));
  CHECK(ours == value(verify::sign_checkpoint({name + "/acme", 42, root, {}}, name, site_key())));
}

TEST_CASE("without a site key nothing is signed, and asking for it is refused") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db", writable());
  append(ledger, 2000);
  CHECK(value(ledger::checkpoints(ledger, tenant())).empty());
  CHECK(code_of(ledger.write(kStart, [&](Tx& tx) { return tx.checkpoint(tenant()); })) == Code::kLedger);
}

TEST_CASE("a tenant without events has nothing to sign or to check") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  append(ledger, 1);
  CHECK(code_of(ledger.write(kStart, [&](Tx& tx) { return tx.checkpoint(tenant("ghost")); })) ==
        Code::kNotFound);
  CHECK(code_of(ledger::verify_history(ledger, tenant("ghost"), check_note)) == Code::kNotFound);
  CHECK(value(ledger::verify_history(ledger, tenant(), check_note)).logs.size() == 1);
  require_sound(ledger);
}

TEST_CASE("history is read by subject, below a run, and up to a seq") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
    for (const char* subject : {"note:1", "note:1/a", "note:10", "note:1/b", "note:1"})
      TRY(tx.append(tenant(), {"audit.noted", subject, kAlice}));
    return {};
  }));
  const auto seqs = [&](bool below, std::uint64_t to) {
    std::string out;
    for (const auto& line : value(ledger::history_of(ledger, tenant(), "note:1", below, to)))
      out += std::to_string(line.seq);
    return out;
  };
  CHECK(seqs(false, 100) == "04");
  CHECK(seqs(true, 100) == "0134");
  CHECK(seqs(true, 4) == "013");
  CHECK(value(ledger::history_of(ledger, tenant("other"), "note:1", true, 100)).empty());
}

TEST_CASE("documents are kept once, under their digest") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  const Digest digest = value(ledger.write(kStart, [](Tx& tx) -> Result<Digest> {
    TRY(tx.put_document("bytes"));
    return tx.put_document("bytes");
  }));
  CHECK(digest == Digest::of("bytes"));
  CHECK(value(ledger::document(ledger, digest)) == "bytes");
  CHECK(code_of(ledger::document(ledger, Digest::of("other"))) == Code::kNotFound);
}

TEST_CASE("a past state is what the lists said then") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  SeededEntropy entropy(3);
  const auto first = begin_run(ledger, "one", entropy);
  const std::uint64_t then = value(ledger::log_head(ledger, tenant())).size();
  const auto runs_then = value(ledger::list_runs(ledger, tenant()));
  value(ledger.write(kStart, [&](Tx& tx) {
    return ledger::transition_run(tx, tenant(), first.run, ledger::RunState::kCancelled, kAlice);
  }));
  begin_run(ledger, "two", entropy);
  const auto past = value(ledger::PastState::at(ledger, tenant(), then));
  const auto runs = value(ledger::list_runs(past, tenant()));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].state == ledger::RunState::kRunning);
  CHECK(runs[0].created_at == runs_then[0].created_at);
  CHECK(value(ledger::steps_of(past, tenant(), first.run)).size() == 2);
  CHECK(value(ledger::job_status(past, tenant(), first.job)).state == ledger::JobState::kRunning);
  CHECK(code_of(ledger::PastState::at(ledger, tenant(), 1000)) == Code::kUsage);
}
