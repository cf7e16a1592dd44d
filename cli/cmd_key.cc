#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <memory>

#include "base/encoding.h"
#include "base/io.h"
#include "cli/passphrase.h"
#include "cli/shell.h"
#include "manifests/pem.h"
#include "verify/detached.h"
#include "verify/key_container.h"
#include "verify/key_import.h"

namespace airlock::cli {
namespace {

constexpr std::uint64_t kMaxSignedFile = 4 * kGiB;

struct KeyOptions {
  std::string out, file, key, signature, comment;
  std::string algorithm = "ed25519", form;
  bool site = false, encrypt = false;
};

Result<void> write_pair(const std::string& path, std::string_view private_pem, std::string_view public_pem) {
  TRY(create_file_durably(path + ".key", private_pem, 0600));
  return write_file_durably(path + ".pub", public_pem);
}

// Plain PKCS#8, or the container, for which it takes a passphrase.
Result<verify::Secret> armoured(Shell& shell, const verify::Secret& pkcs8, const std::string& path, bool encrypt) {
  if (!encrypt) return verify::Secret(manifests::der_to_pem(pkcs8.view(), "PRIVATE KEY"));
  const verify::Secret passphrase = TRY(read_new_passphrase(shell, path));
  return verify::Secret(TRY(verify::write_encrypted_key(pkcs8.view(), passphrase.view(), shell.entropy)));
}

Result<int> generate(Shell& shell, const KeyOptions& o) {
  if (o.site == !o.out.empty()) return fail(Code::kUsage, "give either --out PATH or --site");
  const auto algorithm = TRY(verify::parse_key_algorithm(o.algorithm));
  // The site signs its checkpoints unattended, and a checkpoint is a note, which knows Ed25519 only.
  if (o.site && (o.encrypt || algorithm != verify::KeyAlgorithm::kEd25519))
    return fail(Code::kUsage, "the key of a site is Ed25519 and not encrypted");
  const std::string path = o.site ? TRY(shell.prepared_home()).keys() + "/site" : o.out;
  if (path_exists(path + ".key")) return fail(Code::kAlreadyExists, path + ".key");  // before anybody is asked anything
  const verify::PrivateKey key = TRY(verify::PrivateKey::generate(shell.entropy, algorithm));
  const verify::Secret pem = TRY(armoured(shell, key.der(), path + ".key", o.encrypt));
  TRY(write_pair(path, pem.view(), key.public_key().pem()));
  TRY(shell.emit({{"keyId", key.key_id()}, {"algorithm", to_string(algorithm)}, {"encrypted", o.encrypt}, {"privateKey", path + ".key"},
                  {"publicKey", path + ".pub"}},
                 "private key  " + path + ".key  (" + (o.encrypt ? "encrypted" : "keep it secret") + ")\npublic key   " + path +
                     ".pub\nalgorithm    " + std::string(to_string(algorithm)) + "\nkey id       " + key.key_id() + "\n"));
  return 0;
}

// What a key file is, in words and for --json. Nothing secret is in it.
struct Shown {
  std::string kind, form, algorithm, key_id, pem;
  bool is_private = false, encrypted = false, airlock_signs = false;
};

std::string size_named(const verify::PublicKey& key) {
  const std::string name(to_string(key.algorithm()));
  return key.algorithm() == verify::KeyAlgorithm::kRsa ? name + "-" + std::to_string(key.bits()) : name;
}

Result<Shown> look_at(const Shell& shell, const std::string& file) {
  const verify::Secret text(TRY(read_file(file, 64 * kKiB)));
  if (verify::is_encrypted_key(text.view())) {
    Shown out{"private", "encrypted container (scrypt, nacl/secretbox)", "", "", "", true, true, false};
    if (!passphrase_at_hand(shell)) return out;  // what it is can be said without opening it
    const verify::PrivateKey key = TRY(load_signing_key(shell, file));
    out.algorithm = size_named(key.public_key());
    out.key_id = key.key_id();
    out.pem = key.public_key().pem();
    out.airlock_signs = true;
    return out;
  }
  const auto label = manifests::pem_label(text.view());
  if (label && label->ends_with("PRIVATE KEY")) {
    const auto key = TRY(verify::import_private_key(text.view()));
    return Shown{"private", "PEM \"" + *label + "\"", key.algorithm, key.key_id(), key.public_pem(), true, false, key.airlock_signs};
  }
  const auto detached = TRY(verify::DetachedKey::parse(text.view()));
  const char* const form = !detached.number() ? "PEM \"PUBLIC KEY\"" : detached.minisign_only() ? "minisign" : "signify";
  return Shown{"public", form, size_named(detached.key()), detached.key().key_id(), detached.key().pem(), false, false, false};
}

Result<int> show(const Shell& shell, const KeyOptions& o) {
  auto looked = look_at(shell, o.file);
  if (!looked) return fail(looked.error().code, o.file + ": " + looked.error().context);
  const Shown& s = *looked;
  if (!o.form.empty()) {  // only the public half, in a form that another tool reads
    if (s.pem.empty()) return fail(Code::kKeyPassphraseRequired, o.file);
    const auto form = o.form == "minisign" ? verify::DetachedForm::kMinisign : o.form == "signify" ? verify::DetachedForm::kSignify : verify::DetachedForm::kRaw;
    const auto key = TRY(verify::PublicKey::from_pem(s.pem));
    const std::string text = TRY(verify::write_detached_key(key, form));
    TRY(shell.emit({{"keyId", s.key_id}, {"publicKey", text}}, text));
    return 0;
  }
  Json json = {{"private", s.is_private}, {"encrypted", s.encrypted}, {"form", s.form}};
  if (!s.key_id.empty()) json.update(Json{{"keyId", s.key_id}, {"algorithm", s.algorithm}, {"pem", s.pem}});
  if (s.is_private && !s.key_id.empty()) json["airlockSigns"] = s.airlock_signs;
  std::string human = "key id     " + (s.key_id.empty() ? "unknown without the passphrase" : s.key_id) + "\n";
  if (!s.algorithm.empty()) human += "algorithm  " + s.algorithm + "\n";
  human += "kind       " + s.kind + ", " + s.form + "\n";
  if (s.is_private && !s.key_id.empty() && !s.airlock_signs) human += "use        other tools; airlock signs with no key of this kind\n";
  TRY(shell.emit(json, human + s.pem));
  return 0;
}

Result<int> import(Shell& shell, const KeyOptions& o) {
  const verify::Secret text(TRY(read_file(o.file, 64 * kKiB)));
  if (path_exists(o.out + ".key")) return fail(Code::kAlreadyExists, o.out + ".key");
  const auto key = [&]() -> Result<verify::ImportedKey> {
    if (!verify::is_encrypted_key(text.view())) return verify::import_private_key(text.view());
    const verify::PrivateKey opened = TRY(load_signing_key(shell, o.file));
    return verify::import_private_key_der(opened.der().view());
  }();
  if (!key) return fail(key.error().code, o.file + ": " + key.error().context);
  const verify::Secret pem = TRY(armoured(shell, key->pkcs8, o.out + ".key", o.encrypt));
  TRY(write_pair(o.out, pem.view(), key->public_pem()));
  TRY(shell.emit({{"keyId", key->key_id()}, {"algorithm", key->algorithm}, {"encrypted", o.encrypt}, {"airlockSigns", key->airlock_signs},
                  {"privateKey", o.out + ".key"}, {"publicKey", o.out + ".pub"}},
                 "private key  " + o.out + ".key\npublic key   " + o.out + ".pub\nalgorithm    " + key->algorithm + "\nkey id       " +
                     key->key_id() + "\n"));
  if (!key->airlock_signs) shell.say("airlock signs with no key of this kind; tools that do can use the file");
  return 0;
}

// A file as bytes, mapped: a signature may cover gigabytes, and memory must not.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path) {
    const UniqueFd fd = TRY(open_read(path));
    struct stat st{};
    if (::fstat(fd.get(), &st) != 0) return os_fail("fstat", path);
    const auto size = static_cast<std::size_t>(st.st_size);
    if (size > kMaxSignedFile) return fail(Code::kTooLarge, path + ": " + std::to_string(size) + " bytes");
    if (size == 0) return MappedFile(nullptr, 0);
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (at == MAP_FAILED) return os_fail("mmap", path);
    return MappedFile(at, size);
  }
  MappedFile(MappedFile&& other) noexcept : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ~MappedFile() {
    if (at_ != nullptr) ::munmap(at_, size_);
  }
  std::string_view bytes() const { return {static_cast<const char*>(at_), size_}; }

 private:
  MappedFile(void* at, std::size_t size) : at_(at), size_(size) {}
  void* at_;
  std::size_t size_;
};

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<int> sign(Shell& shell, const KeyOptions& o) {
  const bool minisign = o.form.empty() || o.form == "minisign";
  const auto form = minisign ? verify::DetachedForm::kMinisignPrehashed : o.form == "signify" ? verify::DetachedForm::kSignify : verify::DetachedForm::kRaw;
  const verify::PrivateKey key = TRY(load_signing_key(shell, o.key));
  const MappedFile data = TRY(MappedFile::open(o.file));
  const std::string seconds = std::to_string(shell.clock.now().millis() / 1000);
  const std::string comment = o.comment.empty() ? "timestamp:" + seconds + "\tfile:" + printable(base_name(o.file)) + "\thashed" : o.comment;
  const std::string signature = TRY(verify::sign_detached(key, form, data.bytes(), comment));
  const std::string path = !o.out.empty() ? o.out : o.file + (minisign ? ".minisig" : ".sig");
  TRY(write_file_durably(path, signature));
  TRY(shell.emit({{"file", o.file}, {"signature", path}, {"keyId", key.key_id()}, {"form", to_string(form)}},
                 path + ": " + std::string(to_string(form)) + " signature of " + o.file + " by key " + key.key_id() + "\n"));
  return 0;
}

// The signature file that was named, or the one beside the file that a tool would have written.
std::string signature_beside(const KeyOptions& o) {
  if (!o.signature.empty()) return o.signature;
  for (const char* ending : {".minisig", ".sig"})
    if (path_exists(o.file + ending)) return o.file + ending;
  return o.file + ".minisig";
}

Result<int> verify_file(const Shell& shell, const KeyOptions& o) {
  const auto key = verify::DetachedKey::parse(TRY(read_file(o.key, 64 * kKiB)));
  if (!key) return fail(key.error().code, o.key + ": " + key.error().context);
  const std::string path = signature_beside(o);
  const std::string signature = TRY(read_file(path, 64 * kKiB));
  const MappedFile data = TRY(MappedFile::open(o.file));
  const auto verified = verify::verify_detached(*key, signature, data.bytes());
  if (!verified) return fail(verified.error().code, path + ": " + verified.error().context);
  Json json = {{"file", o.file}, {"signature", path}, {"keyId", key->key().key_id()}, {"form", to_string(verified->form())}, {"verified", true}};
  std::string human = o.file + ": signed by key " + key->key().key_id() + " (" + std::string(to_string(verified->form())) + ")\n";
  if (const auto& comment = verified->trusted_comment()) {
    json["trustedComment"] = *comment;
    human += "trusted comment: " + printable(*comment) + "\n";
  }
  TRY(shell.emit(json, human));
  return 0;
}

void register_making(CLI::App& group, Shell& shell, const std::shared_ptr<KeyOptions>& o) {
  CLI::App* make = add_command(group, shell, "generate", "make a key pair: PATH.key and PATH.pub", [&shell, o] { return generate(shell, *o); });
  make->add_option("-o,--out", o->out, "where to, without the ending");
  make->add_flag("--site", o->site, "the key of this site, which signs its checkpoints and exports");
  make->add_option("--algorithm", o->algorithm, "ed25519 (default), ecdsa-p256 or ecdsa-p384");
  make->add_flag("--encrypt", o->encrypt, "under a passphrase, in the container of cosign");
  CLI::App* in = add_command(group, shell, "import", "bring another tool's private key (PKCS#8, PKCS #1, SEC 1, cosign's container) into this form",
                             [&shell, o] { return import(shell, *o); });
  in->add_option("file", o->file, "the private key")->required();
  in->add_option("-o,--out", o->out, "where to, without the ending")->required();
  in->add_flag("--encrypt", o->encrypt, "under a passphrase, in the container of cosign");
}

}  // namespace

void register_key(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("key", "make and look at keys, sign and check files");
  group->require_subcommand(1);
  auto o = std::make_shared<KeyOptions>();
  register_making(*group, shell, o);
  CLI::App* look = add_command(*group, shell, "show", "say what a key file is: id, algorithm, public half; never a secret", [&shell, o] { return show(shell, *o); });
  look->add_option("file", o->file, "a key: PEM, encrypted, minisign or signify")->required();
  look->add_option("--format", o->form, "print only the public half: pem, minisign or signify")->check(CLI::IsMember({"pem", "minisign", "signify"}));
  CLI::App* make = add_command(*group, shell, "sign", "sign a file: a minisign, signify or raw signature beside it", [&shell, o] { return sign(shell, *o); });
  make->add_option("file", o->file, "what to sign")->required();
  make->add_option("--key", o->key, "the private key")->required();
  make->add_option("--format", o->form, "minisign (default), signify, or raw (base64; any key)")->check(CLI::IsMember({"minisign", "signify", "raw"}));
  make->add_option("--comment", o->comment, "the trusted comment of minisign (default: time and file name)");
  make->add_option("-o,--output", o->out, "the signature file (default: FILE.minisig, FILE.sig)");
  CLI::App* check = add_command(*group, shell, "verify", "check a file's detached signature", [&shell, o] { return verify_file(shell, *o); });
  check->add_option("file", o->file, "what was signed")->required();
  check->add_option("--key", o->key, "the public key: PEM, minisign or signify")->required();
  check->add_option("--signature", o->signature, "the signature file (default: FILE.minisig, else FILE.sig)");
}

}  // namespace airlock::cli
