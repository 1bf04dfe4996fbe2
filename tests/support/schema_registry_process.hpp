// tests/support/schema_registry_process.hpp
//
// A real schema registry for tests, run by examples/kafka/registry.py (script_process.hpp). It is started at first use.
//
// Threads: confined to the test's.
#pragma once

#include <memory>
#include <string>

#include "tests/support/script_process.hpp"

namespace mnema::testing {

class SchemaRegistryProcess {
 public:
  /// Null where Java or Maven is not here: the test is then skipped.
  static SchemaRegistryProcess* shared();
  SchemaRegistryProcess(const SchemaRegistryProcess&) = delete;
  SchemaRegistryProcess& operator=(const SchemaRegistryProcess&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  /// -9, and again on the same port: empty, and counting its ids from 1.
  void kill();
  void start();
  /// Registers a version of `subject` (a body as the registry's API takes it) and gives the schema's id.
  [[nodiscard]] int add(const std::string& subject, const std::string& body);

 private:
  explicit SchemaRegistryProcess(std::unique_ptr<ScriptProcess> script);

  const std::unique_ptr<ScriptProcess> script_;
  const std::string url_;
};

}  // namespace mnema::testing
