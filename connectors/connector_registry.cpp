#include "connectors/connector_registry.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

Error named(const std::string& place, const std::string& what, const std::string& name, Error error) {
  error.message = (place.empty() ? "" : place + ": ") + what + " '" + name + "': " + error.message;
  return error;
}

template <class Map>
std::vector<std::string> names(const Map& map) {
  std::vector<std::string> all;
  for (const auto& [name, value] : map) all.push_back(name);
  return all;
}

Error unknown_kind(const std::string& kind, const std::vector<std::string>& known) {
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  return fail(ErrorCode::kInvalidArgument, "there is no kind '" + kind + "'", "the kinds are " + list);
}

}  // namespace

ConnectorRegistry::~ConnectorRegistry() { stop(); }

void ConnectorRegistry::add_source_kind(const std::string& kind, MakeSource make) {
  source_kinds_[kind] = std::move(make);
}

void ConnectorRegistry::add_sink_kind(const std::string& kind, MakeSink make) { sink_kinds_[kind] = std::move(make); }

std::vector<std::string> ConnectorRegistry::source_kinds() const { return names(source_kinds_); }
std::vector<std::string> ConnectorRegistry::sink_kinds() const { return names(sink_kinds_); }

Status ConnectorRegistry::open_sinks(const std::map<std::string, ConnectorConfig>& configs) {
  for (const auto& [name, config] : configs) {
    const auto kind = sink_kinds_.find(config.kind);
    if (kind == sink_kinds_.end())
      return named(config.place, "connector", name, unknown_kind(config.kind, sink_kinds()));
    Result<std::unique_ptr<Sink>> made = kind->second(name, config);
    if (!made.ok()) return named(config.place, "connector", name, made.error());
    sinks_[name] = std::move(*made);
    sink_kind_of_[name] = config.kind;
  }
  return {};
}

Status ConnectorRegistry::open_sources(const std::map<std::string, SourceConfig>& configs) {
  for (const auto& [name, config] : configs) {
    const auto kind = source_kinds_.find(config.kind);
    if (kind == source_kinds_.end())
      return named(config.place, "source", name, unknown_kind(config.kind, source_kinds()));
    Result<std::unique_ptr<Source>> made = kind->second(name, config);
    if (!made.ok()) return named(config.place, "source", name, made.error());
    const std::scoped_lock lock(mutex_);
    sources_.push_back({name, config.place, config.kind, std::move(*made)});
  }
  return {};
}

std::set<std::string> ConnectorRegistry::tenants() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> all;
  for (const Entry& entry : sources_) {
    if (std::optional<std::string> tenant = entry.source->tenant()) all.insert(std::move(*tenant));
  }
  return all;
}

Status ConnectorRegistry::start(const Accept& accept) {
  const std::scoped_lock lock(mutex_);
  for (Entry& entry : sources_) {
    if (const Status started = entry.source->start(accept); !started.ok()) {
      drain_all();
      for (auto before = sources_.rbegin(); before != sources_.rend(); ++before) before->source->stop();
      return named(entry.place, "source", entry.name, started.error());
    }
    entry.is_running = true;
    pause_or_resume(entry);
  }
  return {};
}

bool ConnectorRegistry::is_pressed(const Source& source) const {
  if (all_pressed_) return true;
  const std::optional<std::string> tenant = source.tenant();
  return tenant ? pressed_.contains(*tenant) : !pressed_.empty();
}

void ConnectorRegistry::pause_or_resume(Entry& entry) {
  const bool pressed = is_pressed(*entry.source);
  if (!entry.is_running || pressed == entry.is_paused) return;
  entry.is_paused = pressed;
  if (pressed) {
    entry.source->pause();
    log_warning("sources", "a source is paused until the mailbox has capacity",
                {{"source", entry.name}, {"from", entry.source->name()}});
  } else {
    entry.source->resume();
    log_info("sources", "a source goes on", {{"source", entry.name}, {"from", entry.source->name()}});
  }
}

void ConnectorRegistry::set_pressure(const std::optional<std::string>& tenant, bool is_high) {
  const std::scoped_lock lock(mutex_);
  if (!tenant) {
    all_pressed_ = is_high;
  } else if (is_high) {
    pressed_.insert(*tenant);
  } else {
    pressed_.erase(*tenant);
  }
  for (Entry& entry : sources_) pause_or_resume(entry);
}

void ConnectorRegistry::drain_all() {
  for (auto entry = sources_.rbegin(); entry != sources_.rend(); ++entry) {
    if (!std::exchange(entry->is_running, false)) continue;
    entry->is_paused = false;
    entry->source->drain();
  }
}

void ConnectorRegistry::drain() {
  const std::scoped_lock lock(mutex_);
  drain_all();
}

void ConnectorRegistry::stop() {
  {
    const std::scoped_lock lock(mutex_);
    drain_all();
    for (auto entry = sources_.rbegin(); entry != sources_.rend(); ++entry) entry->source->stop();
  }
  for (const auto& [name, sink] : sinks_) sink->stop();
}

std::vector<std::string> ConnectorRegistry::leaving() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const Entry& entry : sources_) {
    if (entry.source->is_leaving()) names.push_back(entry.name);
  }
  return names;
}

Sink* ConnectorRegistry::sink(const std::string& name) const {
  const auto found = sinks_.find(name);
  return found == sinks_.end() ? nullptr : found->second.get();
}

std::vector<ConnectorRegistry::SourceStatus> ConnectorRegistry::source_statuses() const {
  const std::scoped_lock lock(mutex_);
  std::vector<SourceStatus> all;
  for (const Entry& entry : sources_) {
    const char* const state = !entry.is_running ? "ended" : entry.is_paused ? "paused" : "running";
    all.push_back({entry.name, entry.kind, entry.source->name(), entry.source->tenant(), state,
                   entry.source->problem().value_or("")});
  }
  return all;
}

void ConnectorRegistry::replay(const std::string& name, const ReplayRequest& request,
                               std::function<void(Result<ReplayReport>)> done) {
  {
    const std::scoped_lock lock(mutex_);
    for (Entry& entry : sources_) {
      if (entry.name == name) return entry.source->replay(request, std::move(done));
    }
  }
  done(fail(ErrorCode::kNotFound, "there is no source '" + name + "'", "'mnema sources' lists them"));
}

std::vector<std::string> ConnectorRegistry::paused(const std::optional<std::string>& tenant) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> all;
  for (const Entry& entry : sources_) {
    const std::optional<std::string> brings = entry.source->tenant();
    if (entry.is_paused && (!tenant || !brings || *brings == *tenant)) all.push_back(entry.source->name());
  }
  return all;
}

std::vector<std::string> ConnectorRegistry::problems(const std::optional<std::string>& tenant) const {
  std::vector<std::string> all;
  for (const auto& [name, sink] : sinks_) {
    if (const std::optional<std::string> problem = sink->problem()) all.push_back(name + ": " + *problem);
  }
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : sources_) {
    const std::optional<std::string> brings = entry.source->tenant();
    if (tenant && brings && *brings != *tenant) continue;
    if (const std::optional<std::string> problem = entry.source->problem()) all.push_back(entry.name + ": " + *problem);
  }
  return all;
}

void ConnectorRegistry::report(MetricsReport& metrics) const {
  for (const auto& [name, sink] : sinks_) sink->report(metrics);
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : sources_) {
    metrics.gauge("mnema_source_paused", "1 while a source is paused because the mailbox is nearly full",
                  entry.is_paused ? 1 : 0, {{"source", entry.name}});
    entry.source->report(metrics);
  }
}

void ConnectorRegistry::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : sources_) {
    CHECK(entry.is_paused == (entry.is_running && is_pressed(*entry.source)),
          "a source that runs is paused exactly while a pressure applies to it");
  }
}

}  // namespace mnema
