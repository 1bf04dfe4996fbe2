// tests/support/script_process.hpp
//
// A script that runs a server for as long as a test program lives: it prints a line of JSON when the server answers
// (its facts), takes a command per line of its input and answers each by such a line, and ends with its input, also if
// this process is killed. examples/kafka/broker.py, registry.py and examples/rabbitmq/broker.py are such scripts.
//
// Threads:   confined to the test's.
// Ownership: owns the process and the folder that it works in.
#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mnema::testing {

class ScriptProcess {
 public:
  /// Runs `python3 SCRIPT run FOLDER ARGUMENTS...`, `script` being a path of the source tree, and waits for its facts.
  /// Null: it has ended with exit code 77, because what it runs is not on this machine.
  [[nodiscard]] static std::unique_ptr<ScriptProcess> start(const std::string& script, const std::string& folder,
                                                            const std::vector<std::string>& arguments = {});
  /// Ends it, by its process id where the end of its input is not enough, and removes the folder.
  ~ScriptProcess();
  ScriptProcess(const ScriptProcess&) = delete;
  ScriptProcess& operator=(const ScriptProcess&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// A member of the first line, which is a text.
  [[nodiscard]] std::string fact(std::string_view name) const;
  /// Says `line` and waits for the answer.
  [[nodiscard]] boost::json::object command(const std::string& line);
  /// The same, where the answer says nothing new.
  void tell(const std::string& line);

 private:
  ScriptProcess(const std::string& script, const std::string& folder, const std::vector<std::string>& arguments);
  /// "": it has ended.
  [[nodiscard]] std::string read_line() const;
  /// Waits until it has ended; its status as of waitpid.
  int wait();

  const std::string folder_;
  pid_t pid_ = 0;  // 0: it has ended
  int to_ = -1;
  int from_ = -1;
  boost::json::object facts_;
};

}  // namespace mnema::testing
