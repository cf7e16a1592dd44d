// Attempts to leave the sandbox: each returns 0 when it went through, else the error number it met.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hostile {

struct Attempt {
  std::string_view name;
  int (*run)();
  std::vector<int> refusals;  // any of these is the wall holding
};

const std::vector<Attempt>& attempts();

}  // namespace hostile
