#include "runtime/config/event_flow_config.hpp"

#include <limits>

#include "runtime/config/toml_reader.hpp"

namespace mnema {
namespace {

constexpr int kIntMax = std::numeric_limits<int>::max();

void read_number(TomlReader& table, std::string_view key, std::optional<int>& value, int min) {
  if (!table.has(key)) return;
  int number = min;
  table.read_integer(key, number, min, kIntMax);
  value = number;
}

}  // namespace

void read_event_flow(TomlReader& table, EventFlowConfig& flow) {
  read_number(table, "deadline_ms", flow.deadline_ms, 1);
  if (table.has("priority")) {
    std::string priority = "event";
    table.read_choice("priority", priority, {"interactive", "event", "background"});
    flow.priority = priority_of(priority);
  }
  if (table.has("on_failure")) {
    std::string on_failure = "queue";
    table.read_choice("on_failure", on_failure, {"queue", "overtake", "dead_letter"});
    flow.on_failure = on_failure_of(on_failure);
  }
  if (table.has("where")) {
    std::string where;
    table.read("where", where);
    const Result<EventFilter> filter = EventFilter::parse(where);
    if (!filter.ok()) table.problem("where", "cannot be read: " + filter.error().message);
    flow.where = where;
  }
  read_number(table, "sample_one_in", flow.sample_one_in, 1);
  if (table.has("sample_per_second")) {
    double per_second = 1;
    table.read("sample_per_second", per_second);
    if (per_second == 0) table.problem("sample_per_second", "must be more than 0; leave it out for all events");
    flow.sample_per_second = per_second;
  }
  if (flow.sample_one_in && flow.sample_per_second) {
    table.problem("sample_per_second", "and 'sample_one_in' are both given; say one");
  }
  read_number(table, "coalesce_window_ms", flow.coalesce_window_ms, 1);
  read_number(table, "coalesce_max", flow.coalesce_max, 2);
  read_number(table, "debounce_window_ms", flow.debounce_window_ms, 1);
  read_number(table, "debounce_wait_max_ms", flow.debounce_wait_max_ms, 1);
  read_number(table, "batch_max", flow.batch_max, 1);
  read_number(table, "batch_window_ms", flow.batch_window_ms, 0);
  const int ways = (flow.coalesce_window_ms ? 1 : 0) + (flow.debounce_window_ms ? 1 : 0) + (flow.batch_max ? 1 : 0);
  if (ways > 1) {
    table.problem(flow.batch_max ? "batch_max" : "debounce_window_ms",
                  "is one of several ways to gather events; say one of coalesce, debounce and batch");
  }
  const auto needs = [&table](const char* key, bool given, const char* other, bool there) {
    if (given && !there) table.problem(key, std::string("says nothing without '") + other + "'");
  };
  needs("coalesce_max", flow.coalesce_max.has_value(), "coalesce_window_ms", flow.coalesce_window_ms.has_value());
  needs("debounce_wait_max_ms", flow.debounce_wait_max_ms.has_value(), "debounce_window_ms",
        flow.debounce_window_ms.has_value());
  needs("batch_window_ms", flow.batch_window_ms.has_value(), "batch_max", flow.batch_max.has_value());
}

void lay_over(const EventFlowConfig& said, EventFlow& flow) {
  if (said.coalesce_window_ms || said.debounce_window_ms || said.batch_max) {
    flow.coalesce_window_ms = flow.debounce_window_ms = flow.debounce_wait_max_ms = 0;
    flow.batch_max = flow.batch_window_ms = 0;
  }
  if (said.sample_one_in || said.sample_per_second) {
    flow.sample_one_in = 0;
    flow.sample_per_second = 0;
  }
  const auto lay = [](const auto& from, auto& to) {
    if (from) to = *from;
  };
  lay(said.where, flow.where);
  lay(said.on_failure, flow.on_failure);
  lay(said.sample_per_second, flow.sample_per_second);
  lay(said.sample_one_in, flow.sample_one_in);
  lay(said.coalesce_window_ms, flow.coalesce_window_ms);
  lay(said.coalesce_max, flow.coalesce_max);
  lay(said.debounce_window_ms, flow.debounce_window_ms);
  lay(said.debounce_wait_max_ms, flow.debounce_wait_max_ms);
  lay(said.batch_max, flow.batch_max);
  lay(said.batch_window_ms, flow.batch_window_ms);
  if (said.deadline_ms) flow.deadline_ms = said.deadline_ms;
  if (said.priority) flow.priority = said.priority;
}

}  // namespace mnema
