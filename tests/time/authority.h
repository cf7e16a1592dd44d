// A time-stamping authority made with the openssl program: a root, and a signing certificate below it that a test may spoil.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/verify/support.h"
#include "verify/time/rfc3161.h"

namespace airlock::verify::test {

class Authority {
 public:
  explicit Authority(const std::string& extension = "critical,timeStamping", const std::string& hash = "sha256") : hash_(hash) {
    dir_.write("ca.cnf", "[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
                         "[tsa]\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=" + extension + "\n");
    dir_.write("serial", "01\n");
    dir_.write("ts.cnf", "[tsa]\ndefault_tsa=t\n[t]\nserial=" + at("serial") + "\ncrypto_device=builtin\nsigner_digest=" + hash_ +
                         "\ndefault_policy=1.2.3.4.1\nother_policies=1.2.3.4.5\ndigests=sha1,sha256,sha384,sha512\naccuracy=secs:1\n"
                         "ordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n");
    need({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("ca.key"), "-out",
          at("ca.pem"), "-days", "30", "-subj", "/CN=test root", "-config", at("ca.cnf"), "-extensions", "ca"});
    need({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("tsa.key"), "-out", at("tsa.csr"),
          "-subj", "/CN=test authority", "-config", at("ca.cnf")});
    need({"x509", "-req", "-in", at("tsa.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-out", at("tsa.pem"),
          "-days", "10", "-extfile", at("ca.cnf"), "-extensions", "tsa"});
  }
  std::string at(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string read(const std::string& name) const { return dir_.read(name); }
  const TempDir& dir() const { return dir_; }

  // The response to a query, with the certificate in it.
  std::string reply(const std::string& query) const {
    dir_.write("query.tsq", query);
    need({"ts", "-reply", "-config", at("ts.cnf"), "-queryfile", at("query.tsq"), "-signer", at("tsa.pem"), "-inkey", at("tsa.key"), "-out",
          at("reply.tsr")});
    return read("reply.tsr");
  }
  TsaRoots roots() const { return TsaRoots::from_pem(read("ca.pem")).value(); }

 protected:
  static void need(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    if (run_program(arguments) != 0) throw std::runtime_error("openssl " + arguments[1]);
  }

 private:
  TempDir dir_;
  std::string hash_;
};

}  // namespace airlock::verify::test
