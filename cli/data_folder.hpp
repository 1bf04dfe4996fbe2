// cli/data_folder.hpp
//
// The data folder that a command's --data or --config names, and how an error of what is done there ends the program.
//
// Threads: confined to one.
#pragma once

#include <functional>
#include <string>

#include "cli/exit_code.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

struct DataFolder {
  std::string path;
  std::string file;  // of the database, which is there
  Config config;     // by default where no file is named
};

/// Runs `act` on the folder `data`, or, where that is empty, on the one of the configuration file `config`. It must be
/// there: a command that looks makes none. Errors are printed; returns the exit code.
[[nodiscard]] int with_data_folder(const std::string& config, const std::string& data,
                                   const std::function<int(const DataFolder&)>& act);

/// Of an error that something in the folder, or the server that has it, has answered with.
[[nodiscard]] ExitCode exit_code_in_folder(const Error& error);

}  // namespace mnema
