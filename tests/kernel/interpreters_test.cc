// Programs that are not written for a sandbox start in one: what their C libraries and runtimes probe for is answered so
// that they go on without it.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fixture.h"
#include "images.h"

using namespace kernel_test;

namespace {

struct Program {
  const char* name;
  std::vector<std::string> argv;
  const char* says;  // part of what it prints
};

// Threads, children, sockets and files, as far as the language goes.
const std::vector<Program>& programs() {
  static const std::vector<Program> all = {
      {"busybox (static)", {installed("busybox"), "sh", "-c", "echo $((6 * 7)) | cat"}, "42"},
      {"sh (dash)", {installed("sh"), "-c", "for i in 1 2 3; do (echo $i) & done; wait; echo done"}, "done"},
      {"python3", {installed("python3"), "-c",
        "import json, subprocess, tempfile, threading, multiprocessing\n"
        "t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n"
        "with tempfile.TemporaryFile() as f: f.write(b'x')\n"
        "p = multiprocessing.get_context('fork').Process(target=lambda: print('process', flush=True)); p.start(); p.join()\n"
        "print(subprocess.check_output(['/bin/echo', 'child']).decode(), json.dumps({'sum': sum(range(10))}))"}, "{\"sum\": 45}"},
      {"node", {installed("node"), "-e",
        "const {Worker} = require('worker_threads');"
        "new Worker('require(\"fs\").readdirSync(\"/\")', {eval: true}).on('exit', c => console.log('worker', c));"
        "console.log(require('child_process').execSync('echo child').toString());"
        "require('fs').promises.writeFile('/tmp/x', 'y').then(() => console.log('written'))"}, "worker 0"},
      {"java", {installed("java"), "-Xmx64m", "-XshowSettings:vm", "-version"}, "VM"},
      {"runc (Go)", {installed("runc"), "--version"}, "go"},
  };
  return all;
}

// Where the program really lies; what it is part of lies beside it.
std::string real(const std::string& program) {
  std::error_code ec;
  const auto path = std::filesystem::canonical(program, ec);
  return ec ? program : path.string();
}

// An image of all of them, from what is installed. "" when it cannot be made here.
std::string image_of_host(const std::string& dir) {
  std::vector<std::string> executables, folders;
  for (const char* tool : {"sh", "cat", "echo"}) executables.push_back(installed(tool));
  for (const Program& program : programs()) {
    executables.push_back(program.argv[0]);
    executables.push_back(real(program.argv[0]));
  }
  const std::string java = std::filesystem::path(real(installed("java"))).parent_path().parent_path();
  for (const char* library : {"/lib/server/libjvm.so", "/lib/libjava.so"}) executables.push_back(java + library);
  folders.push_back(java);
  folders.push_back("/usr/lib/" + std::filesystem::path(real("/usr/bin/python3")).filename().string());
  if (::access("/usr/share/nodejs", R_OK) == 0) folders.push_back("/usr/share/nodejs");
  std::string layer = layer_of_host(dir, executables, folders);
  if (layer.empty()) return "";
  return unpack_image(dir, {.layers = {oci::test::tar_of(merged_usr()), std::move(layer)}});
}

// "NAME: what went wrong" for each that did not run as it should. `image` empty: in the host's tree.
std::string run_all(const std::string& dir, const std::string& image = "") {
  const auto host = Host::probe();
  if (!host) return describe(host.error());
  auto slot = Slot::create(*host, allow_missing(**host));
  if (!slot) return describe(slot.error());
  const auto cancel = Cancel::create();
  std::string wrong;
  for (const Program& program : programs()) {
    StepSpec spec;
    spec.argv = program.argv;
    spec.env = {{"HOME", "/tmp"}, {"LANG", "C.UTF-8"}, {"PATH", "/usr/bin:/bin"}};
    spec.rootfs = image.empty() ? Rootfs::kHostRo : Rootfs::kImage;
    spec.image = image;
    if (!image.empty()) spec.argv[0] = real(spec.argv[0]);  // its alternatives are not in there
    spec.resources.memory = 1 * kGiB;
    spec.resources.pids = 128;
    spec.capture.stdout_path = dir + "/said";
    spec.capture.stderr_path = dir + "/complained";
    const auto finished = (*slot)->run(spec, *cancel);
    const std::string said = read_text(dir + "/said") + read_text(dir + "/complained");
    if (!finished) wrong += std::string(program.name) + ": " + describe(finished.error()) + "\n";
    else if (const auto error = step_error(*finished)) wrong += std::string(program.name) + ": " + error->context + ": " + said + "\n";
    else if (!said.contains(program.says)) wrong += std::string(program.name) + " said: " + said + "\n";
  }
  return wrong;
}

}  // namespace

TEST_CASE("shells, Python, Node, Java and Go start in the host's read-only root", "[interpreters][host-tree]") {
  for (const Program& program : programs())
    if (::access(program.argv[0].c_str(), X_OK) != 0) return skip(std::string(program.name) + " is not installed");
  TempDir dir;
  CHECK(run_all(dir.path()) == "");
  ::chmod(dir.path().c_str(), 0777);
  ::unlink((dir.path() + "/said").c_str());
  ::unlink((dir.path() + "/complained").c_str());
  CHECK(as_ordinary_user([&dir] { return run_all(dir.path()); }) == "");
}

TEST_CASE("shells, Python, Node, Java and Go start in the root of an image", "[interpreters][image][host-tree]") {
  for (const Program& program : programs())
    if (::access(program.argv[0].c_str(), X_OK) != 0) return skip(std::string(program.name) + " is not installed");
  TempDir dir;
  const std::string image = image_of_host(dir.path());
  if (image.empty()) return skip("no image could be made with ldd and tar: " + read_text(dir.path() + "/tar.log"));
  CHECK(run_all(dir.path(), image) == "");
  ::chmod(dir.path().c_str(), 0777);
  ::unlink((dir.path() + "/said").c_str());
  ::unlink((dir.path() + "/complained").c_str());
  CHECK(as_ordinary_user([&] { return run_all(dir.path(), image); }) == "");
}
