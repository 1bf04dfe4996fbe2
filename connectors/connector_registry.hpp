// connectors/connector_registry.hpp
//
// The sources and sinks of a program, by name and kind. It makes them from their configurations by what is registered
// for their kind, and takes them through their life together, so that a program knows no kind by itself:
//
//   open_sinks, open_sources -> start -> (pause <-> resume) -> drain -> stop
//
// Sources start in the order of their names and are drained and stopped in the reverse one. If one does not start,
// those before it are stopped.
//
// Back-pressure: while the mailbox is near its bound of a tenant, the sources of that tenant are paused, and those that
// may bring events of several tenants; while it is near its bound of all, all are. One line in the log for each pause
// and each resumption.
//
// Threads:   kinds are added and everything is opened and started by the thread that sets up, which runs the factories;
//            `set_pressure`, `drain`, `stop`, `sink` and what only looks from any thread.
// Ownership: owns sources and sinks. What the factories borrow outlives it.
// Invariant: a source that runs is paused exactly while a pressure applies to it   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "runtime/base/metrics.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/connector_config.hpp"
#include "runtime/config/source_config.hpp"

namespace mnema {

class ConnectorRegistry {
 public:
  using MakeSource =
      std::function<Result<std::unique_ptr<Source>>(const std::string& name, const SourceConfig& config)>;
  using MakeSink = std::function<Result<std::unique_ptr<Sink>>(const std::string& name, const ConnectorConfig& config)>;

  ConnectorRegistry() = default;
  ~ConnectorRegistry();
  ConnectorRegistry(const ConnectorRegistry&) = delete;
  ConnectorRegistry& operator=(const ConnectorRegistry&) = delete;

  void add_source_kind(const std::string& kind, MakeSource make);
  void add_sink_kind(const std::string& kind, MakeSink make);
  [[nodiscard]] std::vector<std::string> source_kinds() const;
  [[nodiscard]] std::vector<std::string> sink_kinds() const;

  /// Errors, naming the source or connector: `kInvalidArgument` (an unknown kind; says which there are), those of its
  /// kind.
  [[nodiscard]] Status open_sinks(const std::map<std::string, ConnectorConfig>& configs);
  [[nodiscard]] Status open_sources(const std::map<std::string, SourceConfig>& configs);
  /// Whose events the sources bring, as far as they can say.
  [[nodiscard]] std::set<std::string> tenants() const;
  /// Starts the sources; those that a pressure applies to are paused at once. Errors: those of Source::start.
  [[nodiscard]] Status start(const Accept& accept);

  /// The mailbox is near its bound of `tenant` (none: of all), or is no longer.
  void set_pressure(const std::optional<std::string>& tenant, bool is_high);

  /// Sources take nothing more from outside; what they took is still acknowledged. Idempotent.
  void drain();
  /// Sources and sinks end. Never blocks. Idempotent, also without `drain`.
  void stop();
  /// Sources that Source::is_leaving holds for, by their names in the configuration.
  [[nodiscard]] std::vector<std::string> leaving() const;

  /// Null: there is none of that name.
  [[nodiscard]] Sink* sink(const std::string& name) const;
  struct SourceStatus {
    std::string name;  // in the configuration
    std::string kind;
    std::string from;  // its own name
    std::optional<std::string> tenant;
    std::string state;    // running | paused | ended
    std::string problem;  // what it waits for; "" = nothing
  };
  [[nodiscard]] std::vector<SourceStatus> source_statuses() const;
  /// Source::replay of the source of this name in the configuration. Errors: `kNotFound`, those of Source::replay.
  void replay(const std::string& name, const ReplayRequest& request, std::function<void(Result<ReplayReport>)> done);
  /// Names and kinds of the sinks.
  [[nodiscard]] std::map<std::string, std::string> sinks() const { return sink_kind_of_; }
  /// Paused sources that may bring events of `tenant` (none: of any), by their own names.
  [[nodiscard]] std::vector<std::string> paused(const std::optional<std::string>& tenant) const;
  /// Sources and sinks that say what keeps them from working, as "NAME: PROBLEM"; of sources those that may bring
  /// events of `tenant` (none: of any).
  [[nodiscard]] std::vector<std::string> problems(const std::optional<std::string>& tenant) const;
  void report(MetricsReport& metrics) const;
  void check_integrity() const;

 private:
  struct Entry {
    std::string name;   // in the configuration
    std::string place;  // there
    std::string kind;
    std::unique_ptr<Source> source;
    bool is_running = false;  // started, and neither drained nor stopped
    bool is_paused = false;
  };
  [[nodiscard]] bool is_pressed(const Source& source) const;
  void pause_or_resume(Entry& entry);
  void drain_all();

  std::map<std::string, MakeSource> source_kinds_;
  std::map<std::string, MakeSink> sink_kinds_;
  std::map<std::string, std::unique_ptr<Sink>> sinks_;
  std::map<std::string, std::string> sink_kind_of_;  // by name; written while they are opened
  mutable std::mutex
      mutex_;  // guards all below, held over calls of sources, so that a pause and a resumption keep order
  std::vector<Entry> sources_;
  bool all_pressed_ = false;
  std::set<std::string> pressed_;
};

}  // namespace mnema
