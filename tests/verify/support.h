// What the tests of verify share: published vectors, keys made from a seed, a folder that goes away, other
// programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "verify/verify.h"

namespace airlock::verify::test {

// One set of fixtures/vectors: its index, and the files that the cases name.
class VectorSet {
 public:
  explicit VectorSet(std::string name);
  const Json& cases() const { return index_["cases"]; }
  // The file of a case in this role; checked against the digest in the index.
  std::string file(const Json& item, const std::string& role) const;

 private:
  std::string folder_;
  Json index_;
};

// The same key for the same number, always.
PrivateKey test_key(unsigned number);

template <class T>
Code code_of(const Result<T>& result) {
  return result ? Code{-1} : result.error().code;
}
inline constexpr Code kAccepted{-1};

// A new folder below the temporary folder, removed at the end of the scope.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string write(const std::string& name, std::string_view bytes) const;  // its path
  std::string read(const std::string& name) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs a program found in PATH, its output discarded; the exit status, or -1 when a signal ended it.
int run_program(const std::vector<std::string>& argv);

}  // namespace airlock::verify::test
