// cli/demo/scenario.hpp
//
// The demo's scenario and its checks, in the order in which they run.
//
// Threads: blocks its caller for as long as the scenario takes (some ten seconds).
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

/// One turn of the scenario, measured by the runtime itself.
struct DemoRow {
  std::string what;
  double wake_ms = 0;  // event accepted -> first line of the handler
  double recall_ms = 0;
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, from the prefix cache
  double decode_tokens_per_s = 0;
  std::string reply;
};

struct DemoCheck {
  std::string what;
  bool held = false;
};

struct DemoResult {
  std::vector<DemoRow> rows;
  std::vector<DemoCheck> checks;
  [[nodiscard]] bool held() const;
};

struct DemoOptions {
  std::string folder;     // data, log, configuration; exists, and is empty
  std::string documents;  // a folder to read
};

/// Errors: `kUnavailable` when the runtime does not start; a check that fails is no error but a result.
[[nodiscard]] Result<DemoResult> run_demo_scenario(const DemoOptions& options);

}  // namespace mnema
