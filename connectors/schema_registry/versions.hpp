// connectors/schema_registry/versions.hpp
//
// Which schemas the records of a topic were written with, and what became of their members from one to the next: a
// schema's id is its version, so a change is known before an agent stumbles over it.
//
// Threads: `note` one at a time; `counts` from any thread.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "connectors/schema_registry/registered_schema.hpp"
#include "connectors/schema_watch.hpp"

namespace mnema {

class SchemaVersions {
 public:
  struct Counts {
    long long added = 0;   // members that a new version has
    long long broken = 0;  // members that it lacks, or has with another type
  };
  SchemaVersions(std::string source, const Limits& limits) : source_(std::move(source)), limits_(limits) {}

  /// A record of `topic` was read with this schema. The first time that a topic has a newer one (a higher id), what has
  /// changed is logged and counted: new members as a note, missing, renamed and retyped ones as a warning.
  void note(std::string_view topic, SchemaId id, const RegisteredSchema& schema);

  [[nodiscard]] Counts counts() const { return {added_.load(), broken_.load()}; }

 private:
  struct Latest {
    SchemaId id = 0;
    JsonShape shape;
  };
  const std::string source_;
  const Limits& limits_;
  std::map<std::string, Latest, std::less<>> topics_;
  std::atomic<long long> added_{0};
  std::atomic<long long> broken_{0};
};

}  // namespace mnema
