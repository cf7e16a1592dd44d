#include "cli/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/io.h"
#include "base/unique_fd.h"
#include "verify/key_container.h"

namespace airlock::cli {
namespace {

constexpr std::size_t kMaxPassphrase = 1024;

// Echo is off as long as this lives.
class Quiet {
 public:
  explicit Quiet(int tty) : tty_(tty), changed_(::tcgetattr(tty, &before_) == 0) {
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = changed_ && ::tcsetattr(tty_, TCSAFLUSH, &now) == 0;
  }
  ~Quiet() {
    if (changed_) ::tcsetattr(tty_, TCSAFLUSH, &before_);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  bool works() const { return changed_; }

 private:
  int tty_;
  termios before_{};
  bool changed_;
};

// The first line, without its end; byte by byte, so that nothing of what follows is taken from the descriptor.
Result<verify::Secret> first_line(int fd, const std::string& what) {
  std::string line;
  line.reserve(kMaxPassphrase + 1);  // once: growing would leave copies behind
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) return fail(Code::kInterrupted, what);
    if (n < 0) return os_fail("read", what);
    if (n == 0 || c == '\n') break;
    line += c;
    if (line.size() > kMaxPassphrase)
      return fail(Code::kTooLarge, "a passphrase of more than " + std::to_string(kMaxPassphrase) + " bytes");
  }
  if (line.ends_with('\r')) line.pop_back();
  return verify::Secret(std::move(line));
}

UniqueFd terminal() { return UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)); }

Result<verify::Secret> prompt(const std::string& question) {
  const UniqueFd tty = terminal();
  if (!tty) return fail(Code::kKeyPassphraseRequired, question);
  const Quiet quiet(tty.get());
  // A terminal that would show what is typed is none to type a passphrase on.
  if (!quiet.works()) return fail(Code::kKeyPassphraseRequired, question + ": the terminal cannot hide what is typed");
  TRY(write_all(tty.get(), question + ": ", "/dev/tty"));
  auto line = first_line(tty.get(), "/dev/tty");
  TRY(write_all(tty.get(), "\n", "/dev/tty"));
  return line;
}

// From --passphrase-fd or the environment; nullopt: neither is given.
Result<std::optional<verify::Secret>> given(const Shell& shell) {
  if (shell.options.passphrase_fd) {
    auto line = TRY(first_line(*shell.options.passphrase_fd, "--passphrase-fd"));
    return std::optional<verify::Secret>(std::move(line));
  }
  if (const char* const value = std::getenv("AIRLOCK_PASSPHRASE"))
    return std::optional<verify::Secret>(verify::Secret(std::string(value)));
  return std::optional<verify::Secret>();
}

}  // namespace

bool passphrase_at_hand(const Shell& shell) {
  return shell.options.passphrase_fd || std::getenv("AIRLOCK_PASSPHRASE") != nullptr || terminal();
}

Result<verify::Secret> read_passphrase(const Shell& shell, const std::string& what) {
  auto ready = TRY(given(shell));
  if (ready) return std::move(*ready);
  return prompt("Passphrase of " + printable(what));
}

Result<verify::Secret> read_new_passphrase(const Shell& shell, const std::string& what) {
  auto ready = TRY(given(shell));
  const bool asked = !ready.has_value();
  if (asked) {
    ready = TRY(prompt("New passphrase for " + printable(what)));
    const verify::Secret again = TRY(prompt("The same again"));
    if (ready->view() != again.view()) return fail(Code::kUsage, "the two passphrases differ");
  }
  if (ready->view().empty()) return fail(Code::kUsage, "an empty passphrase protects nothing; leave out --encrypt instead");
  return std::move(*ready);
}

Result<verify::PrivateKey> load_signing_key(const Shell& shell, const std::string& file) {
  const verify::Secret pem(TRY(read_file(file, 64 * kKiB)));
  const auto read = [&]() -> Result<verify::PrivateKey> {
    if (!verify::is_encrypted_key(pem.view())) return verify::PrivateKey::from_pem(pem.view());
    const verify::Secret passphrase = TRY(read_passphrase(shell, file));
    return verify::open_encrypted_key(pem.view(), passphrase.view());
  };
  auto key = read();
  if (!key) return fail(key.error().code, file + ": " + key.error().context);
  return key;
}

}  // namespace airlock::cli
