// What a step leaves in /out, and what of it is taken.
#include "fixture.h"

using namespace kernel_test;

TEST_CASE("P2, P4: outputs that are no plain files are refused by name", "[outputs]") {
  Sandbox box;
  struct Case {
    const char* what;
    const char* said;
  };
  const Case cases[] = {{"symlink", "\"link\": it is a symbolic link"},
                        {"symlink-inside", "\"link\": it is a symbolic link"},
                        {"symlink-loop", "\"link\": it is a symbolic link"},
                        {"symlink-dir", "\"link\": it is a symbolic link"},
                        {"fifo", "\"pipe\": it is a FIFO"},
                        {"socket", "\"socket\": it is a socket"},
                        {"set-id", "\"ok.txt\": it has a set-id or sticky bit"},
                        {"set-gid-dir", "\"d\": it has a set-id or sticky bit"},
                        {"hard-link", "it has 2 hard links"},
                        {"newline", "the name is not safe"},
                        {"not-utf8", "the name is not safe"},
                        {"case-twins", "the same without regard to case"},
                        {"unreadable", "\"ok.txt\": its owner may not read it"},
                        {"unreadable-dir", "\"d\": its owner may not read it"},
                        {"deep", "the name is not safe"}};
  for (const Case& c : cases) {
    const Finished finished = box.run({"outputs", c.what});
    INFO(c.what);
    REQUIRE(finished.outcome.value == 0);
    const auto got = harvest_all(finished);
    REQUIRE_FALSE(got.has_value());
    INFO(got.error().context);
    CHECK(got.error().code == Code::kStepOutputRefused);
    CHECK(got.error().context.contains(c.said));
    CHECK(got.error().context.find('\n') == std::string::npos);
  }
}

TEST_CASE("good outputs come in the order of their path bytes, with their execute bit", "[outputs]") {
  Sandbox box;
  const auto got = harvest_all(box.run({"outputs", "good"}));
  REQUIRE(got.has_value());
  CHECK(got->paths == std::vector<std::string>{"a.txt", "a/b", "ok.txt", "tool"});
  CHECK(got->texts == std::vector<std::string>{"beside it", "in a folder", "fine", "#!"});
  CHECK(got->executable == std::vector<bool>{false, false, false, true});
  CHECK(harvest_all(box.run({"succeed"}))->paths.empty());
  CHECK(harvest_all(box.run({"outputs", "long-name"}))->paths.size() == 2);
}

TEST_CASE("the harvest ends at each of its limits", "[outputs]") {
  Sandbox box;
  const Finished finished = box.run({"outputs", "good"});
  CHECK(refusal(finished, {.files = 3}) == Code::kStepOutputRefused);
  CHECK(refusal(finished, {.file_bytes = 5}) == Code::kStepOutputRefused);
  CHECK(refusal(finished, {.total_bytes = 12}) == Code::kStepOutputRefused);
  CHECK(harvest_all(finished, {.files = 6, .file_bytes = 11, .total_bytes = 26}).has_value());
}

TEST_CASE("an error of the sink ends the harvest", "[outputs]") {
  Sandbox box;
  const Finished finished = box.run({"outputs", "good"});
  int calls = 0;
  const auto got = harvest(finished.out, {}, [&calls](HarvestedFile) -> Result<void> {
    ++calls;
    return fail(Code::kDiskFull, "test");
  });
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == Code::kDiskFull);
  CHECK(calls == 1);
}

TEST_CASE("P1: a daemon that a step leaves behind is dead before its outputs are read", "[outputs]") {
  Sandbox box;
  const Finished finished = box.run({"daemonise"});
  CHECK(finished.outcome.value == 0);
  CHECK(descendants().empty());
  const auto first = harvest_all(finished), second = harvest_all(finished);
  REQUIRE(first.has_value());
  CHECK(first->paths == second->paths);
  CHECK(first->texts == second->texts);
}
