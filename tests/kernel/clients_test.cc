// Programs that know nothing of a broker reach a granted endpoint by name, over TLS, and no other.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "images.h"

using namespace kernel_test;

namespace {

// Makes a certificate of its own, and says one sentence to whoever asks by HTTPS. Prints its port.
constexpr const char* kServer = R"(
import http.server, ssl, subprocess, sys
folder = sys.argv[1]
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=mirror.site",
                "-addext", "subjectAltName=DNS:mirror.site", "-keyout", folder + "/key.pem", "-out", folder + "/data/ca.pem"], check=True, capture_output=True)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the mirror speaks\n" * 20000)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/data/ca.pem", folder + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
)";

class TlsServer {
 public:
  explicit TlsServer(const std::string& folder) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      ::dup2(ends[1], 1);
      ::execl(installed("python3").c_str(), "python3", "-c", kServer, folder.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    char text[16]{};
    (void)!::read(ends[0], text, sizeof text - 1);
    ::close(ends[0]);
    std::istringstream(text) >> port_;
  }
  ~TlsServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  TlsServer(const TlsServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

struct Client {
  const char* name;
  std::vector<std::string> argv;
};

std::vector<Client> clients(const std::string& url) {
  return {
      {"curl", {installed("curl"), "-sS", "--max-time", "20", "--cacert", "/in/data/ca.pem", url}},
      {"python3", {installed("python3"), "-c", "import sys, urllib.request, ssl; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=20, "
                                             "context=ssl.create_default_context(cafile='/in/data/ca.pem')).read())", url}},
      {"python3, asyncio", {installed("python3"), "-c",
                            "import asyncio, ssl, sys, urllib.parse\n"
                            "async def main():\n"
                            "    u = urllib.parse.urlsplit(sys.argv[1])\n"
                            "    async def get():\n"
                            "        r, w = await asyncio.open_connection(u.hostname, u.port, ssl=ssl.create_default_context(cafile='/in/data/ca.pem'))\n"
                            "        w.write(b'GET / HTTP/1.0\\r\\n\\r\\n'); return await r.read()\n"
                            "    pages = await asyncio.gather(*[get() for _ in range(20)])\n"
                            "    sys.stdout.buffer.write(pages[-1]); assert len(set(map(len, pages))) == 1\n"
                            "asyncio.run(main())", url}},
      {"node", {installed("node"), "-e",
                "require('https').get(process.argv[1], {ca: require('fs').readFileSync('/in/data/ca.pem')}, r => r.pipe(process.stdout))"
                ".on('error', e => { console.error(String(e)); process.exit(1); })", url}},
  };
}

}  // namespace

TEST_CASE("curl, Python and Node speak TLS to a granted endpoint by its name, and reach no other", "[network][host-tree]") {
  for (const Client& client : clients(""))
    if (::access(client.argv[0].c_str(), X_OK) != 0) return skip(client.argv[0] + " is not installed");
  Sandbox box;
  const TlsServer server(box.dir());
  REQUIRE(server.port() != 0);
  const auto run = [&](const Client& client) {
    StepSpec spec = box.spec({});
    spec.argv = client.argv;
    spec.rootfs = Rootfs::kHostRo;
    spec.network = {{IpAddress::v4({127, 0, 0, 1}), server.port(), "mirror.site"}};
    spec.resources.memory = kGiB;
    spec.resources.pids = 128;
    spec.resources.timeout = Millis{60'000};
    return box.run(spec);
  };
  const std::string port = std::to_string(server.port());
  for (const Client& client : clients("https://mirror.site:" + port + "/")) {
    const Finished finished = run(client);
    INFO(client.name << ": " << box.err_text() << evidence_json(finished.evidence)["network"].dump());
    CHECK(finished.outcome.kind == Outcome::Kind::kExited);
    CHECK(finished.outcome.value == 0);
    const std::string text = box.out_text();
    CHECK(text.ends_with("the mirror speaks\n"));
    CHECK(text.size() >= 20'000 * 18);
  }
  for (const std::string& url : std::vector<std::string>{"https://127.0.0.2:" + port + "/", "https://mirror.site:1/", "https://elsewhere.site:" + port + "/"})
    for (const Client& client : clients(url)) {
      const Finished finished = run(client);
      INFO(client.name << " " << url << ": " << box.out_text().substr(0, 200));
      CHECK(finished.outcome.value != 0);
      for (const auto& [decision, count] : finished.evidence.network_log.decisions()) CHECK_FALSE(decision.granted);
    }
}

TEST_CASE("a client from an image finds the names it was granted, and not those of the image", "[network][host-tree]") {
  const Client curl = clients("").front();
  if (::access(curl.argv[0].c_str(), X_OK) != 0) return skip("curl is not installed");
  Sandbox box;
  const TlsServer server(box.dir());
  REQUIRE(server.port() != 0);
  oci::test::LayoutParts parts;
  parts.layers = {oci::test::tar_of(merged_usr()), layer_of_host(box.dir(), {curl.argv[0]}, {}),
                  oci::test::tar_of({{"etc/hosts", "127.0.0.9 mirror.site\n127.0.0.1 forged.site\n"}, {"etc/nsswitch.conf", "hosts: dns\n"},
                                     {"etc/passwd", "image:x:65534:65534::/:/bin/sh\n"}, {"etc/deep/er", "kept"}, {"etc/link", "", '2', "deep/er"}})};
  if (parts.layers[1].empty()) return skip("tar or ldd is not installed");
  StepSpec spec = box.spec({});
  spec.rootfs = Rootfs::kImage;
  spec.image = unpack_image(box.dir(), parts);
  spec.network = {{IpAddress::v4({127, 0, 0, 1}), server.port(), "mirror.site"}};
  const auto run = [&](const std::string& url) {
    spec.argv = curl.argv;
    spec.argv.back() = url;
    const Finished finished = box.run(spec);
    return std::pair{finished.outcome.value, box.out_text() + box.err_text()};
  };
  const auto [status, text] = run("https://mirror.site:" + std::to_string(server.port()) + "/");
  CHECK(status == 0);
  CHECK(text.ends_with("the mirror speaks\n"));
  CHECK(run("https://forged.site:" + std::to_string(server.port()) + "/").first != 0);
  CHECK(run("file:///etc/link").second == "kept");
  CHECK(run("file:///etc/passwd").second.starts_with("image:"));
  CHECK(run("file:///etc/hosts").second == "127.0.0.1 mirror.site\n");
  spec.network.clear();
  CHECK(run("file:///etc/hosts").second.starts_with("127.0.0.9"));
}
