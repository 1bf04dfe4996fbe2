// connectors/schema_registry/registry.hpp
//
// The schemas of a Confluent-compatible registry, by their ids: fetched once over our own client, compiled on a worker,
// kept for as long as they are used. A schema never changes under its id. What it refers to is fetched with it.
//
// That the registry has no such schema is an answer too, and is believed for a minute. That it does not answer, or not
// as a registry, is none: whoever asks waits and asks again, later each time.
//
// Threads:   `find` and what it calls back: the home executor. `problem` and `counts` from any thread.
// Ownership: shared with what it has in flight; borrows its parts, which outlive that.
// Invariant: at most `limits.schemas_max` schemas are kept; one fetch for an id is on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/http/client.hpp"
#include "connectors/schema_registry/registered_schema.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct SchemaRegistryOptions {
  std::string name;  // of the source, for errors and the log
  Duration unknown_for = std::chrono::minutes(1);
  Duration wait_min = std::chrono::milliseconds(200);
  Duration wait_max = std::chrono::seconds(15);
};

/// By id: the schema, or why there is none that can be read.
using RegisteredSchemas = std::map<SchemaId, Result<std::shared_ptr<const RegisteredSchema>>>;

class SchemaRegistry : public std::enable_shared_from_this<SchemaRegistry> {
 public:
  struct Parts {
    HttpClient& client;
    Executor& home;
    Executor& workers;
    const Clock& clock;
    const Limits& limits;
  };
  struct Counts {
    long long fetched = 0;  // schemas, that could be read or not
    long long unknown = 0;  // ids that the registry does not have
    long long failed = 0;   // calls that said neither
  };
  SchemaRegistry(SchemaRegistryOptions options, Parts parts);

  /// The schemas of these ids, at once where all are known. Errors: `kUnavailable`, retryable after the time it says,
  /// if the registry does not say what one of them is.
  void find(const std::set<SchemaId>& ids, std::function<void(Result<RegisteredSchemas>)> done);

  /// Why it does not answer; none: nothing is known to be wrong.
  [[nodiscard]] std::optional<std::string> problem() const;
  [[nodiscard]] Counts counts() const;
  void check_integrity() const;

 private:
  using Found = Result<std::shared_ptr<const RegisteredSchema>>;
  using Done = std::function<void(Result<RegisteredSchemas>)>;
  struct Known {
    Found schema;
    std::optional<MonotonicTime> until;
    std::uint64_t used = 0;  // the last use, counted
  };
  struct Lookup;
  struct Fetch;

  void advance(const std::shared_ptr<Lookup>& lookup);
  void fetch(SchemaId id);
  void get(const std::shared_ptr<Fetch>& fetch, const std::string& path);
  void got(const std::shared_ptr<Fetch>& fetch, const Result<HttpReply>& reply);
  void fetch_reference_or_compile(const std::shared_ptr<Fetch>& fetch);
  /// The fetch is over: with a schema, or for good without.
  void keep(SchemaId id, Found schema, std::optional<Duration> good_for);
  /// The registry did not answer.
  void failed(SchemaId id, const Error& why);
  void wake(SchemaId id, const std::optional<Error>& error);

  const SchemaRegistryOptions options_;
  const Parts parts_;
  std::map<SchemaId, Known> known_;
  std::map<SchemaId, std::vector<std::function<void(const std::optional<Error>&)>>> fetching_;
  std::uint64_t uses_ = 0;
  int failures_in_a_row_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<std::string> problem_;
  Counts counts_;
};

}  // namespace mnema
