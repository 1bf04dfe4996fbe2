#include "agents/state_type.hpp"

namespace mnema {
namespace {

Error needs_version(const std::string& what) {
  return fail(ErrorCode::kFailedPrecondition, "needs_version: " + what,
              "declare the migrations that are missing with .migrate(), or run the version that wrote it");
}

}  // namespace

Result<std::shared_ptr<void>> StateType::load(int stored_version, const std::string& stored) const {
  const auto named = [](int number) { return "version " + std::to_string(number); };
  Result<boost::json::value> json = parse_bounded_json(stored, "stored state", kWrittenByUs);
  if (!json.ok()) return needs_version(json.error().message);
  if (stored_version > version) {
    return needs_version("the state has " + named(stored_version) + ", this program has " + std::to_string(version));
  }
  for (int at = stored_version; at < version; ++at) {
    const auto step = migrations.find(at);
    if (step == migrations.end()) {
      return needs_version("the state has " + named(stored_version) + ", this program has " + std::to_string(version) +
                           ", and no migration leads from " + std::to_string(at) + " to " + std::to_string(at + 1));
    }
    const auto next = migrations.find(at + 1);
    const bool is_last = at + 1 == version;
    if (is_last ? step->second.to != type : next != migrations.end() && step->second.to != next->second.from) {
      return needs_version("the migration from " + named(at) + " does not make what " + named(at + 1) + " is");
    }
    json = step->second.apply(*json);
    if (!json.ok()) {
      return needs_version("the stored state does not fit its migration from " + named(at) + ": " +
                           json.error().message);
    }
  }
  Result<std::shared_ptr<void>> state = read(*json);
  if (!state.ok())
    return needs_version("the stored state does not fit " + named(version) + ": " + state.error().message);
  return state;
}

}  // namespace mnema
