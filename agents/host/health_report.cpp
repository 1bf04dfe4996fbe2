#include "agents/host/health_report.hpp"

#include <boost/json/array.hpp>

namespace mnema {
namespace json = boost::json;
namespace {

json::array names(const std::vector<std::string>& from) {
  json::array all;
  for (const std::string& name : from) all.emplace_back(name);
  return all;
}

}  // namespace

json::object health_report(const HealthFacts& facts) {
  const RuntimeCounts& runtime = facts.runtime;
  json::array models;
  for (const ModelStats& model : facts.engine.models) {
    models.push_back(json::object{{"model", model.model}, {"running", model.running}, {"waiting", model.waiting}});
  }
  return {
      {"degraded", runtime.mailbox_full || !facts.open_breakers.empty() || !facts.paused_sources.empty() ||
                       !facts.connector_problems.empty()},
      {"dead_letters", {{"events", runtime.events_dead}, {"messages", runtime.messages_dead}}},
      {"mailbox",
       {{"full", runtime.mailbox_full},
        {"ready", runtime.events_ready},
        {"leased", runtime.events_leased},
        {"waiting", runtime.events_waiting}}},
      {"outbox", {{"waiting", runtime.messages_waiting}, {"in_flight", runtime.messages_in_flight}}},
      {"open_breakers", names(facts.open_breakers)},
      {"paused_sources", names(facts.paused_sources)},
      {"connector_problems", names(facts.connector_problems)},
      {"memory", {{"vectors_refused", facts.vectors_refused}}},
      {"engine",
       {{"models", std::move(models)},
        {"preparing", facts.engine.preparing},
        {"embeddings_waiting", facts.engine.embeddings_waiting}}},
  };
}

}  // namespace mnema
