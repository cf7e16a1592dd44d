#include <memory>

#include "base/io.h"
#include "cli/shell.h"
#include "verify/keys.h"

namespace airlock::cli {
namespace {

struct KeyOptions {
  std::string out;
  std::string file;
  bool site = false;
};

Result<int> generate(Shell& shell, const KeyOptions& o) {
  if (o.site == !o.out.empty()) return fail(Code::kUsage, "give either --out PATH or --site");
  const std::string path = o.site ? TRY(shell.prepared_home()).keys() + "/site" : o.out;
  const verify::PrivateKey key = TRY(verify::PrivateKey::generate(shell.entropy));
  TRY(create_file_durably(path + ".key", key.pem().view(), 0600));
  TRY(write_file_durably(path + ".pub", key.public_key().pem()));
  TRY(shell.emit({{"keyId", key.key_id()}, {"algorithm", to_string(key.public_key().algorithm())}, {"privateKey", path + ".key"},
                  {"publicKey", path + ".pub"}},
                 "private key  " + path + ".key  (keep it secret)\npublic key   " + path + ".pub\nkey id       " + key.key_id() + "\n"));
  return 0;
}

Result<int> show(const Shell& shell, const KeyOptions& o) {
  const std::string pem = TRY(read_file(o.file, 64 * kKiB));
  const bool is_private = pem.find("PRIVATE KEY") != std::string::npos;
  const verify::PublicKey key = is_private ? TRY(verify::PrivateKey::from_pem(pem)).public_key() : TRY(verify::PublicKey::from_pem(pem));
  const std::string algorithm(to_string(key.algorithm()));
  TRY(shell.emit({{"keyId", key.key_id()}, {"algorithm", algorithm}, {"private", is_private}, {"pem", key.pem()}},
                 "key id     " + key.key_id() + "\nalgorithm  " + algorithm + "\nkind       " + (is_private ? "private" : "public") + "\n" + key.pem()));
  return 0;
}

}  // namespace

void register_key(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("key", "make and look at keys");
  group->require_subcommand(1);
  auto o = std::make_shared<KeyOptions>();
  CLI::App* make = add_command(*group, shell, "generate", "make an Ed25519 key pair: PATH.key and PATH.pub", [&shell, o] { return generate(shell, *o); });
  make->add_option("-o,--out", o->out, "where to, without the ending");
  make->add_flag("--site", o->site, "the key of this site, which signs its checkpoints and exports");
  CLI::App* look = add_command(*group, shell, "show", "print the id and the public half of a key", [&shell, o] { return show(shell, *o); });
  look->add_option("file", o->file, "a key in PEM")->required();
}

}  // namespace airlock::cli
