// connectors/schema_watch.hpp
//
// Notices when an upstream's answers change shape, before an agent stumbles over it. The shape of an answer (paths and
// JSON types) is learned from the first answers or pinned from a stored one; a path that is missing, or has another
// type is an error, a new one is a note. A rename is a missing path beside a new one of the same type, and is said so.
//
// A learned path is required only if every learning sample had it; null beside a type makes it nullable; the elements
// of an array share one path ("/items/*/id"). Paths of more than 512 bytes are not watched, nor more than 2,000 of
// them.
//
// Threads: confined to its owner. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

/// Path → set of types seen (bits) and whether it was in every sample.
class JsonShape {
 public:
  struct Field {
    std::uint8_t types = 0;  // bits of JsonShape::Type
    bool required = true;
    bool operator==(const Field&) const = default;
  };
  enum Type : std::uint8_t { kNull = 1, kBoolean = 2, kNumber = 4, kString = 8, kArray = 16, kObject = 32 };

  /// `is_the_only_one`: no others follow that would show which of its new members are optional, so all of them are.
  void learn(const boost::json::value& sample, bool is_the_only_one = false);
  /// What a schema says of a path: it may be of these types, beside those it was given before. False: the path is too
  /// long, or there are too many.
  bool add(const std::string& path, std::uint8_t types);
  [[nodiscard]] const std::map<std::string, Field>& fields() const { return fields_; }
  [[nodiscard]] int samples() const { return samples_; }

  /// For storing a pinned shape; `from_json` refuses what `to_json` did not write (`kCorrupt`).
  [[nodiscard]] boost::json::value to_json() const;
  [[nodiscard]] static Result<JsonShape> from_json(const boost::json::value& value);

 private:
  std::map<std::string, Field> fields_;
  int samples_ = 0;
};

/// What differs between two shapes, for who reads the first and is given the second.
struct ShapeChanges {
  std::vector<std::string> added;   // paths
  std::vector<std::string> broken;  // "/a is missing (renamed to /b?)", "/c is string and was number"
};
[[nodiscard]] ShapeChanges changes_between(const JsonShape& before, const JsonShape& now);

class SchemaWatch {
 public:
  /// Learns from the first `samples_to_learn` answers, then holds later ones against them.
  explicit SchemaWatch(std::string upstream, int samples_to_learn = 5)
      : upstream_(std::move(upstream)), samples_to_learn_(samples_to_learn) {}
  /// Holds every answer against `pinned`.
  SchemaWatch(std::string upstream, JsonShape pinned)
      : upstream_(std::move(upstream)), samples_to_learn_(0), shape_(std::move(pinned)) {}

  struct Report {
    std::vector<std::string> new_paths;
  };
  /// Errors: `kSchemaDrift`, naming each missing, renamed or retyped path. New paths are notes in the report, once
  /// each.
  [[nodiscard]] Result<Report> check(const boost::json::value& answer);

  /// Takes `answer` for one of the right shape, whatever `check` says of it.
  void accept(const boost::json::value& answer) { shape_.learn(answer, true); }

  [[nodiscard]] bool is_learning() const { return shape_.samples() < samples_to_learn_; }
  [[nodiscard]] const JsonShape& shape() const { return shape_; }

 private:
  std::string upstream_;
  int samples_to_learn_;
  JsonShape shape_;
  std::map<std::string, bool> noted_;
};

}  // namespace mnema
