#include "connectors/schema_watch.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr int kDepthMax = 32;                    // deeper parts of an answer are not watched
constexpr std::size_t kPathsMax = 2000;          // an object used as a map would grow for ever
constexpr std::size_t kPathBytesMax = 512;       // longer ones are not watched, nor what stands below
constexpr std::size_t kComplaintsShownMax = 20;  // of one answer; the others are counted

std::uint8_t type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return JsonShape::kNull;
    case json::kind::bool_:
      return JsonShape::kBoolean;
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return JsonShape::kNumber;
    case json::kind::string:
      return JsonShape::kString;
    case json::kind::array:
      return JsonShape::kArray;
    case json::kind::object:
      return JsonShape::kObject;
  }
  return JsonShape::kNull;
}

std::string names_of(std::uint8_t types) {
  static constexpr std::string_view kNames[] = {"null", "boolean", "number", "string", "array", "object"};
  std::string out;
  for (int bit = 0; bit < 6; ++bit) {
    if ((types & (1 << bit)) == 0) continue;
    if (!out.empty()) out += " or ";
    out += kNames[bit];
  }
  return out;
}

/// What one answer shows: types per path, and of the paths inside arrays, in how many of the elements' parents they
/// are.
struct Sighting {
  std::uint8_t types = 0;
  int count = 0;
};
using Sightings = std::map<std::string, Sighting>;

void collect(const json::value& value, const std::string& path, int depth, Sightings& seen) {
  if (path.size() > kPathBytesMax || (seen.size() >= kPathsMax && !seen.contains(path))) return;
  Sighting& sighting = seen[path];
  sighting.types |= type_of(value);
  ++sighting.count;
  if (depth >= kDepthMax) return;
  if (const json::object* object = value.if_object()) {
    for (const auto& member : *object)
      collect(member.value(), path + "/" + json_pointer_token(member.key()), depth + 1, seen);
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) collect(element, path + "/*", depth + 1, seen);
  }
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// How often `path` could have been there: once per sighting of its parent; elements of an array are never missing.
bool is_missing_somewhere(const std::string& path, const Sightings& seen) {
  if (path.empty() || path.ends_with("/*")) return false;
  auto parent = seen.find(parent_of(path));
  if (parent == seen.end() || (parent->second.types & JsonShape::kObject) == 0) return false;
  auto own = seen.find(path);
  return own == seen.end() || own->second.count < parent->second.count;
}

}  // namespace

void JsonShape::learn(const json::value& sample, bool is_the_only_one) {
  Sightings seen;
  collect(sample, "", 0, seen);
  std::set<std::string> lacked;  // by earlier samples
  for (const auto& [path, sighting] : seen) {
    if (fields_.size() >= kPathsMax && !fields_.contains(path)) continue;
    auto [field, is_new] = fields_.try_emplace(path);
    if (is_new) lacked.insert(path);
    // A path that earlier samples lacked is optional, unless they lacked the object it would stand in.
    const bool had_parent = samples_ > 0 && !path.empty() && !lacked.contains(parent_of(path));
    if (is_new && (had_parent || is_the_only_one) && !path.ends_with("/*")) field->second.required = false;
    field->second.types |= sighting.types;
    if (is_missing_somewhere(path, seen)) field->second.required = false;
  }
  for (auto& [path, field] : fields_) {
    if (is_missing_somewhere(path, seen)) field.required = false;
  }
  ++samples_;
}

bool JsonShape::add(const std::string& path, std::uint8_t types) {
  if (path.size() > kPathBytesMax || (fields_.size() >= kPathsMax && !fields_.contains(path))) return false;
  fields_[path].types |= types;
  return true;
}

ShapeChanges changes_between(const JsonShape& before, const JsonShape& now) {
  ShapeChanges changes;
  for (const auto& [path, field] : now.fields()) {
    const auto was = before.fields().find(path);
    if (was == before.fields().end()) {
      if (path.empty() || before.fields().contains(parent_of(path))) changes.added.push_back(path);
    } else if ((field.types & ~was->second.types) != 0) {
      changes.broken.push_back(path + " is " + names_of(field.types) + " and was " + names_of(was->second.types));
    }
  }
  for (const auto& [path, field] : before.fields()) {
    if (now.fields().contains(path) || !now.fields().contains(parent_of(path))) continue;
    std::string missing = path + " is missing";
    for (const std::string& other : changes.added) {
      if (parent_of(other) != parent_of(path) || (now.fields().at(other).types & field.types) == 0) continue;
      missing += " (renamed to " + other + "?)";
      break;
    }
    changes.broken.push_back(std::move(missing));
  }
  return changes;
}

json::value JsonShape::to_json() const {
  json::object fields;
  for (const auto& [path, field] : fields_) {
    fields[path] = json::object{{"types", static_cast<std::int64_t>(field.types)}, {"required", field.required}};
  }
  return json::object{{"samples", static_cast<std::int64_t>(samples_)}, {"fields", std::move(fields)}};
}

Result<JsonShape> JsonShape::from_json(const json::value& value) {
  auto corrupt = [](std::string what) {
    return fail(ErrorCode::kCorrupt, "a stored answer shape cannot be read: " + what, "learn or pin it anew");
  };
  const json::object* object = value.if_object();
  const json::value* samples = object ? object->if_contains("samples") : nullptr;
  const json::value* fields = object ? object->if_contains("fields") : nullptr;
  if (!samples || !samples->is_int64() || !fields || !fields->is_object()) return corrupt("no samples or fields");
  JsonShape shape;
  shape.samples_ = static_cast<int>(samples->get_int64());
  for (const auto& member : fields->get_object()) {
    const json::object* field = member.value().if_object();
    const json::value* types = field ? field->if_contains("types") : nullptr;
    const json::value* required = field ? field->if_contains("required") : nullptr;
    if (!types || !types->is_int64() || types->get_int64() < 1 || types->get_int64() > 63 || !required ||
        !required->is_bool()) {
      return corrupt("field '" + std::string(member.key()) + "'");
    }
    shape.fields_[std::string(member.key())] =
        Field{static_cast<std::uint8_t>(types->get_int64()), required->get_bool()};
  }
  return shape;
}

Result<SchemaWatch::Report> SchemaWatch::check(const json::value& answer) {
  if (shape_.samples() < samples_to_learn_) {
    shape_.learn(answer);
    return Report{};
  }
  Sightings seen;
  collect(answer, "", 0, seen);
  std::set<std::string> new_paths;
  std::vector<std::string> complaints;
  for (const auto& [path, sighting] : seen) {
    auto field = shape_.fields().find(path);
    if (field == shape_.fields().end()) {
      // Below something that is new or was always empty there is nothing to compare with.
      if (path.empty() || shape_.fields().contains(parent_of(path))) new_paths.insert(path);
    } else if ((sighting.types & ~field->second.types) != 0) {
      complaints.push_back(path + " is " + names_of(sighting.types) + " and was " + names_of(field->second.types));
    }
  }
  for (const auto& [path, field] : shape_.fields()) {
    if (!field.required || !is_missing_somewhere(path, seen)) continue;
    if (complaints.size() >= kComplaintsShownMax) {
      complaints.emplace_back();
      continue;
    }
    std::string complaint = path + " is missing";
    for (auto it = new_paths.begin(); it != new_paths.end(); ++it) {
      if (parent_of(*it) != parent_of(path) || (seen[*it].types & field.types) == 0) continue;
      complaint += " (renamed to " + *it + "?)";
      break;
    }
    complaints.push_back(std::move(complaint));
  }
  if (!complaints.empty()) {
    std::string list;
    const std::size_t shown = std::min(complaints.size(), kComplaintsShownMax);
    for (std::size_t i = 0; i < shown; ++i) list += (i == 0 ? "" : "; ") + complaints[i];
    if (shown < complaints.size()) list += "; and " + std::to_string(complaints.size() - shown) + " more";
    return fail(ErrorCode::kSchemaDrift, "an answer of '" + upstream_ + "' has changed its shape: " + list,
                "look at the upstream's release notes; pin the new shape once the agent can read it");
  }
  Report report;
  for (const std::string& path : new_paths) {
    if (noted_.size() < kPathsMax && noted_.try_emplace(path, true).second) report.new_paths.push_back(path);
  }
  return report;
}

}  // namespace mnema
