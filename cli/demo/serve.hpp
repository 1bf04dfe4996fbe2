// cli/demo/serve.hpp
//
// What the demo's child process runs: the quickstart's agents under a host, reporting each turn that ends as one line
// of JSON on standard output.
//
//   {"address": "127.0.0.1:40123"}                                                     once, when it serves
//   {"agent": ..., "key": ..., "end": "done", "wake_us": ..., "recall_us": ..., "prompt_tokens": ..., ...}   per turn
//
// Threads: blocks its caller until a signal.
#pragma once

#include <string>

namespace mnema {

/// Returns an exit code (cli/exit_code.hpp).
int serve_demo(const std::string& config_file);

}  // namespace mnema
