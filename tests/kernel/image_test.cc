// What holds a step whose root is an image: the image's files, read-only, behind the same walls.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "images.h"

using namespace kernel_test;
using Files = oci::test::Layer;

namespace {

constexpr int kHeld = 77;

// Its own /dev, /proc, /sys, /in, /plugin, /out and /tmp; folders, files and links in its root; a whiteout; a set-id file.
std::vector<Files> tricky() {
  Files base, top;
  for (const char* ours : {"dev", "proc", "sys", "in", "plugin", "out", "tmp"}) {
    base.push_back({ours, "", '5', "", 0777});
    base.push_back({std::string(ours) + "/forged", "forged", '0', "", 0666});
  }
  base.push_back({"dev/null", "forged", '0', "", 0666});
  base.push_back({"proc/version", "forged", '0', "", 0666});
  base.push_back({"etc/passwd", "image:x:0:0::/:/bin/sh\n"});
  base.push_back({"etc/removed", "lower"});
  base.push_back({"opt/old/file", "lower"});
  base.push_back({"bin/setid", read_text(hostile_program()), '0', "", 06755});
  base.push_back({"program", read_text(hostile_program()), '0', "", 0755});
  base.push_back({"shadow", "", '2', "etc/passwd"});
  base.push_back({"out-of-it", "", '2', "../../../../../etc/hostname"});
  top.push_back({"etc/.wh.removed", ""});
  top.push_back({"opt/old/.wh..wh..opq", ""});
  top.push_back({"opt/old/new", "upper"});
  return {base, top};
}

// Each attempt of the attacking program, from an image. "NAME: what it met" of those that did not meet their wall.
std::string attempts_from(const std::string& image) {
  Sandbox box;
  const auto from_image = [&](std::vector<std::string> arguments) {
    StepSpec spec = box.spec(std::move(arguments));
    spec.argv[0] = "/bin/setid";
    spec.rootfs = Rootfs::kImage;
    spec.image = image;
    return spec;
  };
  box.run(from_image({"list"}));
  std::istringstream names(box.out_text());
  std::string wrong;
  int count = 0;
  for (std::string name; std::getline(names, name); ++count) {
    const Finished finished = box.run(from_image({name}));
    if (finished.outcome.kind != Outcome::Kind::kExited || finished.outcome.value != kHeld)
      wrong += name + ": " + box.out_text() + box.err_text() + "\n";
  }
  if (count < 110) wrong += "only " + std::to_string(count) + " attempts";
  return wrong;
}

}  // namespace

TEST_CASE("every attempt to leave the sandbox meets its wall in the root of an image, too", "[escape][image]") {
  TempDir dir;
  const std::string image = unpack_image(dir.path(), tricky());
  CHECK(attempts_from(image) == "");
  ::chmod(dir.path().c_str(), 0755);
  CHECK(as_ordinary_user([&image] { return attempts_from(image); }) == "");
  // Nothing was written where the image lies.
  CHECK(read_text(image + "/etc/passwd") == "image:x:0:0::/:/bin/sh\n");
  CHECK_FALSE(std::filesystem::exists(image + "/x"));
}

TEST_CASE("an image that is unpacked keeps no set-id bit, and whiteouts hold", "[image]") {
  TempDir dir;
  const std::string image = unpack_image(dir.path(), tricky());
  struct stat st{};
  REQUIRE(::stat((image + "/bin/setid").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0755);
  CHECK_FALSE(std::filesystem::exists(image + "/etc/removed"));
  CHECK_FALSE(std::filesystem::exists(image + "/opt/old/file"));
  CHECK(read_text(image + "/opt/old/new") == "upper");
}

TEST_CASE("a step sees its image read-only, and our /dev, /proc, /in, /plugin, /out and /tmp in its place", "[image][host-tree]") {
  if (::access("/bin/sh", X_OK) != 0) return skip("no shell");
  TempDir dir;
  // The shell and its libraries lie below /usr, which this image does not have otherwise.
  std::string shell = layer_of_host(dir.path(), {"/bin/sh", "/bin/ls", "/bin/cat", "/bin/touch", "/bin/stat"}, {});
  if (shell.empty()) return skip("no layer could be made with ldd and tar");
  oci::test::LayoutParts parts{.layers = {oci::test::tar_of({{"lib", "", '2', "usr/lib"}, {"lib64", "", '2', "usr/lib64"}}), std::move(shell)}};
  for (const Files& layer : tricky()) parts.layers.push_back(oci::test::tar_of(layer));
  const std::string image = unpack_image(dir.path(), std::move(parts));
  ::chmod(dir.path().c_str(), 0777);
  const auto look = [&]() -> std::string {
    const auto host = Host::probe();
    if (!host) return describe(host.error());
    auto slot = Slot::create(*host, allow_missing(**host));
    if (!slot) return describe(slot.error());
    StepSpec spec;
    spec.argv = {"/usr/bin/sh", "-c", R"(
      ls -d /*; ls -A /in /plugin /out /tmp; cat /shadow; cat /opt/old/*
      for f in /dev/forged /proc/forged /sys /in/forged /etc/removed /opt/old/file /out-of-it /root /home; do test ! -e $f || echo $f is there; done
      for f in /etc/passwd /etc/new /new /program /usr/new /opt/old/new; do touch $f 2>/dev/null && echo $f was touched; done
      test -c /dev/null || echo /dev/null is forged
      echo x > /dev/null; cat /proc/version 2>/dev/null | grep forged
      test -u /bin/setid && echo set-id)"};
    spec.env = {{"PATH", "/usr/bin"}};
    spec.rootfs = Rootfs::kImage;
    spec.image = image;
    spec.capture.stdout_path = dir.path() + "/said";
    spec.capture.stderr_path = dir.path() + "/complained";
    const auto finished = (*slot)->run(spec, *Cancel::create());
    if (!finished) return describe(finished.error());
    return read_text(dir.path() + "/said");
  };
  const std::string wanted =
      "/bin\n/dev\n/etc\n/in\n/lib\n/lib64\n/opt\n/out\n/out-of-it\n/plugin\n/proc\n/program\n/shadow\n/tmp\n/usr\n"
      "/in:\n\n/out:\n\n/plugin:\n\n/tmp:\nimage:x:0:0::/:/bin/sh\nupper";
  CHECK(look() == wanted);
  ::unlink((dir.path() + "/said").c_str());
  ::unlink((dir.path() + "/complained").c_str());
  CHECK(as_ordinary_user(look) == wanted);
}

TEST_CASE("a program in the root of an image starts, and so does a plugin's own with no interpreter", "[image]") {
  TempDir dir;
  const std::string image = unpack_image(dir.path(), tricky());
  Sandbox box;
  for (const char* program : {"/program", "/bin/setid", "/plugin/hostile"}) {
    StepSpec spec = box.spec({"read-input"});
    spec.argv[0] = program;
    spec.rootfs = Rootfs::kImage;
    spec.image = image;
    const Finished finished = box.run(spec);
    INFO(program << ": " << box.err_text());
    CHECK(finished.outcome.kind == Outcome::Kind::kExited);
    CHECK(finished.outcome.value == 0);
  }
}

TEST_CASE("an image that is no folder, or has too much or strange things in its root, is refused", "[image]") {
  TempDir dir;
  Sandbox box;
  const auto code_with = [&](const std::string& image) {
    StepSpec spec = box.spec({"read-input"});
    spec.rootfs = Rootfs::kImage;
    spec.image = image;
    const auto finished = box.slot->run(spec, box.cancel);
    return finished ? Code::kInternal : finished.error().code;
  };
  CHECK(code_with("") == Code::kStepInput);
  CHECK(code_with("relative") == Code::kStepInput);
  CHECK(code_with(dir.path() + "/nowhere") == Code::kStepInput);
  CHECK(code_with(dir.path()) == Code::kInternal);  // empty: the plugin's own program is static
  REQUIRE(::mkfifo((dir.path() + "/fifo").c_str(), 0600) == 0);
  CHECK(code_with(dir.path()) == Code::kStepInput);
  ::unlink((dir.path() + "/fifo").c_str());
  for (int i = 0; i < 257; ++i) write_text(dir.path() + "/" + std::to_string(i), "");
  CHECK(code_with(dir.path()) == Code::kStepInput);
  ::unlink((dir.path() + "/0").c_str());
  CHECK(code_with(dir.path()) == Code::kInternal);
}
