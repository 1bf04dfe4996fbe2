#include "connectors/schema_registry/versions.hpp"

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr std::size_t kShownMax = 20;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < kShownMax; ++i) text += (i == 0 ? "" : "; ") + parts[i];
  if (parts.size() > kShownMax) text += "; and " + std::to_string(parts.size() - kShownMax) + " more";
  return text;
}

}  // namespace

void SchemaVersions::note(std::string_view topic, SchemaId id, const RegisteredSchema& schema) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    const bool is_watched = topics_.size() < static_cast<std::size_t>(limits_.schema_topics_max);
    if (is_watched) topics_[std::string(topic)] = {id, schema.shape()};
    return;
  }
  Latest& latest = found->second;
  if (id <= latest.id) return;  // the same, or of a producer that has not been updated yet
  JsonShape shape = schema.shape();
  const ShapeChanges changes = changes_between(latest.shape, shape);
  added_ += static_cast<long long>(changes.added.size());
  broken_ += static_cast<long long>(changes.broken.size());
  if (!changes.broken.empty()) {
    log_warning("schema_registry", "the records of a topic have changed their shape",
                {{"source", source_},
                 {"topic", topic},
                 {"schema_id", id},
                 {"before", latest.id},
                 {"changes", joined(changes.broken)}});
  }
  if (!changes.added.empty()) {
    log_info("schema_registry", "the records of a topic have new members",
             {{"source", source_}, {"topic", topic}, {"schema_id", id}, {"members", joined(changes.added)}});
  }
  latest = {id, std::move(shape)};
}

}  // namespace mnema
