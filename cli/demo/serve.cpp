#include "cli/demo/serve.hpp"

#include <boost/json.hpp>
#include <cstdio>

#include "agents/agent_runtime.hpp"
#include "agents/host.hpp"
#include "cli/exit_code.hpp"
#include "examples/quickstart.hpp"

namespace mnema {
namespace {

void print_line(const boost::json::object& object) {
  std::puts(boost::json::serialize(object).c_str());
  std::fflush(stdout);
}

std::int64_t micros(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

int serve_demo(const std::string& config_file) {
  Result<Config> config = load_config(config_file);
  if (!config.ok()) return report(config.error(), kExitConfig);
  Host host;
  declare_assistant(host);
  declare_triage(host);
  declare_refunds(host);
  if (const auto failed = host.open(std::move(*config))) return report(failed->error, kExitFailed);
  host.runtime().dispatcher().on_turn_end([](const Event& event, Sequence, TurnEnd end, const TurnReport& report) {
    // A chat's event id is ours; the demo knows its chats by the id it sent.
    const auto request = event.attributes.find("request_id");
    print_line({{"event", request == event.attributes.end() ? event.id : request->second},
                {"agent", event.agent},
                {"key", event.key},
                {"end", name_of(end)},
                {"wake_us", micros(report.wake)},
                {"recall_us", micros(report.recall)},
                {"prompt_tokens", report.usage.prompt_tokens},
                {"cached_tokens", report.usage.cached_tokens},
                {"completion_tokens", report.usage.completion_tokens},
                {"decode_us", micros(report.usage.decode)},
                {"steps_replayed", report.steps_replayed}});
  });
  print_line({{"address", host.address()}});
  host.run();
  return kExitOk;
}

}  // namespace mnema
