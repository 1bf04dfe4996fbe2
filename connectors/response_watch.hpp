// connectors/response_watch.hpp
//
// Holds the answers of an HTTP API to the shapes they had (schema_watch.hpp), or to JSON Schemas that its configuration
// names: per method and path template. A template has {name} where a path has ids: those of the schemas, else made of
// the path, of whose parts each with a digit, an escape or '@' is an id (but not "v1", a version).
//
// What a shape was learned from is the first answers; then each change is told once, in the log, and taken for the
// shape from then on, unless such answers are to fail. Answers that are not JSON, or too large, are not looked at where
// nothing is pinned.
//
// Threads:   any; one mutex, which is not held while an answer is parsed.
// Ownership: borrows the store, which outlives it.
// Invariant: at most `shapes_max` shapes are known   (check_integrity)
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/message.hpp"
#include "connectors/schema_watch.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Which answers that have changed their shape are errors.
enum class DriftPolicy { kPinned, kFail, kNote, kOff };
/// "pinned", "fail", "note", "off", as in a configuration; anything else is `kPinned`.
[[nodiscard]] DriftPolicy drift_policy_of(std::string_view name);

/// Where shapes that were learned survive the process. shape_store.hpp keeps them in the database.
class ShapeLog {
 public:
  virtual ~ShapeLog() = default;
  /// The shape of `call` ("GET /orders/{id}") is now this. Must not block.
  virtual void keep(const std::string& connector, const std::string& call, const JsonShape& shape) = 0;
};

struct ResponseWatchOptions {
  std::string connector;
  DriftPolicy policy = DriftPolicy::kPinned;
  int samples_to_learn = 20;
  std::size_t shapes_max = 64;  // of one connector; answers of further ones are not looked at
  std::int64_t body_bytes_max = 1 << 20;
  std::size_t told_max = 1'000;  // changes; further ones are only counted
};

class ResponseWatch {
 public:
  struct Pinned {
    std::string call;  // "GET /orders/{id}"
    JsonSchema schema;
  };
  struct Counts {
    long long drifted = 0;      // answers that had not the shape they should have
    long long new_members = 0;  // each once
    long long unwatched = 0;    // answers of more calls than shapes_max
    int shapes = 0;             // that are learned or pinned
  };
  /// `restored` are the shapes that the log still knows, by their calls. `log` may be null.
  ResponseWatch(ResponseWatchOptions options, std::vector<Pinned> pinned, std::map<std::string, JsonShape> restored,
                ShapeLog* log);
  ResponseWatch(const ResponseWatch&) = delete;
  ResponseWatch& operator=(const ResponseWatch&) = delete;

  /// An answer of success came to this call. Errors: `kSchemaDrift`, where the policy says so: names each member that
  /// is missing, renamed or of another type.
  [[nodiscard]] Status check(std::string_view method, std::string_view path, int status, const HttpHeaders& headers,
                             std::string_view body);

  [[nodiscard]] Counts counts() const;
  void check_integrity() const;

 private:
  [[nodiscard]] std::string call_of(std::string_view method, std::string_view path) const;
  [[nodiscard]] Status judge(const std::string& call, const boost::json::value& answer);
  /// `told` is the change without the values of the answer, for the log.
  [[nodiscard]] Status drifted(const std::string& how, const std::string& told, int status, bool fails);

  const ResponseWatchOptions options_;
  const std::vector<Pinned> pinned_;
  ShapeLog* const log_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, SchemaWatch> learned_;
  std::set<std::string> told_;
  Counts counts_;
};

/// "/orders/{id}" for "/orders/o-17?expand=1".
[[nodiscard]] std::string path_template_of(std::string_view path);

}  // namespace mnema
