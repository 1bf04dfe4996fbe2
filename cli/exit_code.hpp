// cli/exit_code.hpp
//
// How the program ends, for scripts. Documented in `mnema --help`; frozen: append only. Beside these, 128 + N: a second
// signal N ended it at once (agents/host/stop_signals.hpp).
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,     // it ran and something failed; stderr says what
  kExitUsage = 2,      // the command line is wrong
  kExitConfig = 3,     // the configuration is wrong (file, line, key)
  kExitModel = 4,      // a model is missing, unknown or broken
  kExitPortInUse = 5,  // the address to listen on is taken
  kExitDatabase = 6,   // the data folder is in use, newer than this program, or damaged
};

/// Prints `error` to stderr ("mnema: what, where" and "  hint: what to do") and returns `code`.
int report(const Error& error, ExitCode code);

}  // namespace mnema
