// The plugin of the runner's tests, for the real sandbox: static, needs nothing but /in and /out.
#include <cstdlib>

#include "verbs.h"

int main(int argc, char** argv) {
  const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
  return airlock::test::perform({{argv + 1, argv + argc}, "/in", "/out", variable("AIRLOCK_RUN_ID"), std::stoi(variable("AIRLOCK_ATTEMPT"))});
}
