// cli/docs_command.hpp
//
// `mnema docs check DIR`: what memory would read of a folder, in what encoding, in how many chunks, and what it would
// not and why. Reads files only: no data folder, no model.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp): failed where a
/// document cannot be read.
void add_docs_command(CLI::App& app, int& exit_code);

}  // namespace mnema
