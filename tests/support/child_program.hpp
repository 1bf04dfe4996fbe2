// tests/support/child_program.hpp
//
// This test program run again as a child, with one disabled test of it and words of its own in the environment: what a
// test kills with -9 in place of itself. The child ends with its test, whichever way that ends.
//
// Threads: confined to the main thread; the child ends with the thread that has made it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

namespace mnema::testing {

class ChildProgram {
 public:
  /// Begins `test` ("Suite.DISABLED_Name"), a test that goes on until it is killed.
  ChildProgram(const std::string& test, const std::map<std::string, std::string>& environment);
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  /// -9, and waits until it is gone. The test fails where the child had ended by itself.
  void kill();

 private:
  pid_t pid_ = 0;  // 0: it is gone
};

}  // namespace mnema::testing
