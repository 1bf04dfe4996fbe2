#include "cli/exit_code.hpp"

#include <cstdio>

namespace mnema {

int report(const Error& error, ExitCode code) {
  std::fprintf(stderr, "mnema: %s\n", error.message.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "  hint: %s\n", error.hint.c_str());
  return code;
}

}  // namespace mnema
