#include "tests/support/child_program.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "runtime/base/check.hpp"

namespace mnema::testing {

ChildProgram::ChildProgram(const std::string& test, const std::map<std::string, std::string>& environment) {
  // All of it is made before the fork: what has threads may not allocate between fork and exec.
  std::vector<std::string> arguments = {"child", "--gtest_also_run_disabled_tests", "--gtest_filter=" + test};
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
  };
  std::vector<char*> argument_pointers = pointers(arguments);
  std::vector<char*> variable_pointers = pointers(variables);
  const pid_t test_program = ::getpid();
  pid_ = ::fork();
  CHECK(pid_ >= 0, "a process can be made");
  if (pid_ > 0) return;
  // A test that aborts would leave a child behind that holds its output open: whoever waits for the output waits on.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == test_program) ::execve("/proc/self/exe", argument_pointers.data(), variable_pointers.data());
  ::_exit(127);
}

ChildProgram::~ChildProgram() {
  if (pid_ > 0) kill();
}

void ChildProgram::kill() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
}

}  // namespace mnema::testing
