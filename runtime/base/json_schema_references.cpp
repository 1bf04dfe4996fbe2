#include "runtime/base/json_schema_references.hpp"

#include <algorithm>
#include <vector>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr int kDepthMax = 512;
/// Keywords whose value is a schema or a list of them, and those whose value names schemas.
constexpr std::string_view kHoldsSchemas[] = {"items",
                                              "prefixItems",
                                              "additionalItems",
                                              "contains",
                                              "additionalProperties",
                                              "propertyNames",
                                              "allOf",
                                              "anyOf",
                                              "oneOf",
                                              "not",
                                              "if",
                                              "then",
                                              "else",
                                              "unevaluatedItems",
                                              "unevaluatedProperties",
                                              "contentSchema"};
constexpr std::string_view kHoldsNamed[] = {"properties",  "patternProperties", "$defs",
                                            "definitions", "dependentSchemas",  "dependencies"};

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Uri {
  std::string scheme, authority, path, query;  // each with its mark: "https:", "//host", "/path", "?query"
};

Uri split(std::string_view text) {
  Uri uri;
  const std::size_t colon = text.find_first_of(":/?");
  if (colon != std::string_view::npos && colon > 0 && text[colon] == ':') {
    uri.scheme = text.substr(0, colon + 1);
    text.remove_prefix(colon + 1);
  }
  if (text.substr(0, 2) == "//") {
    const std::size_t end = std::min(text.find_first_of("/?", 2), text.size());
    uri.authority = text.substr(0, end);
    text.remove_prefix(end);
  }
  const std::size_t query = std::min(text.find('?'), text.size());
  uri.path = text.substr(0, query);
  uri.query = text.substr(query);
  return uri;
}

std::string without_dots(const std::string& path) {
  std::vector<std::string> steps;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string step = path.substr(begin, end - begin);
    const bool last = end == path.size();
    if (step == "..") {
      if (steps.size() > 1) steps.pop_back();
      if (last) steps.emplace_back();
    } else if (step != "." || last) {
      steps.push_back(step == "." ? "" : step);
    }
    if (last) break;
    begin = end + 1;
  }
  std::string out;
  for (std::size_t i = 0; i < steps.size(); ++i) out += (i > 0 ? "/" : "") + steps[i];
  return out;
}

/// RFC 3986 §5.2.2, without fragments.
std::string joined(const std::string& base, const std::string& reference) {
  if (reference.empty()) return base;
  const Uri to = split(reference);
  if (!to.scheme.empty()) return to.scheme + to.authority + without_dots(to.path) + to.query;
  const Uri from = split(base);
  if (!to.authority.empty()) return from.scheme + to.authority + without_dots(to.path) + to.query;
  if (to.path.empty()) return from.scheme + from.authority + from.path + to.query;
  std::string path = to.path;
  if (path[0] != '/') {
    const std::size_t slash = from.path.rfind('/');
    path = (slash == std::string::npos ? (from.authority.empty() ? "" : "/") : from.path.substr(0, slash + 1)) + path;
  }
  return from.scheme + from.authority + without_dots(path) + to.query;
}

std::pair<std::string, std::string> without_fragment(std::string_view reference) {
  const std::size_t hash = std::min(reference.find('#'), reference.size());
  return {std::string(reference.substr(0, hash)),
          hash < reference.size() ? std::string(reference.substr(hash + 1)) : std::string()};
}

}  // namespace

JsonSchemaReferences::JsonSchemaReferences(const json::value& root) : root_(root) {
  resources_[""] = {&root, ""};
  std::string pointer;
  index(root, "", pointer, 0);
}

void JsonSchemaReferences::index(const json::value& value, const std::string& outer, std::string& pointer, int depth) {
  if (depth > kDepthMax) return;
  if (const json::array* array = value.if_array()) {
    const std::size_t here = pointer.size();
    for (std::size_t i = 0; i < array->size(); ++i) {
      pointer += '/' + std::to_string(i);
      index((*array)[i], outer, pointer, depth + 1);
      pointer.resize(here);
    }
    return;
  }
  const json::object* object = value.if_object();
  if (object == nullptr) return;
  std::string base = outer;
  const auto text_of = [&](const char* keyword) {
    const json::value* found = object->if_contains(keyword);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  if (const std::string id = text_of("$id"); !id.empty()) {
    const auto [uri, fragment] = without_fragment(id);
    base = joined(outer, uri);
    if (!uri.empty()) resources_.try_emplace(base, Target{&value, pointer});
    if (!fragment.empty()) anchors_.try_emplace(base + "#" + fragment, Target{&value, pointer});
  }
  // Draft 4's word; as a base it is seldom meant, as a name it may be.
  if (const std::string id = text_of("id"); !id.empty()) {
    if (id[0] == '#') {
      anchors_.try_emplace(base + id, Target{&value, pointer});
    } else {
      resources_.try_emplace(joined(outer, without_fragment(id).first), Target{&value, pointer});
    }
  }
  if (pointer.empty()) root_base_ = base;
  for (const char* keyword : {"$anchor", "$dynamicAnchor"}) {
    const std::string anchor = text_of(keyword);
    if (anchor.empty()) continue;
    anchors_.try_emplace(base + "#" + anchor, Target{&value, pointer});
    if (keyword[1] == 'd') ++dynamic_[anchor];
  }
  if (object->contains("$ref") || object->contains("$dynamicRef") || object->contains("$recursiveRef"))
    base_of_[object] = base;
  // Only where schemas stand: what looks like one elsewhere is data.
  const std::size_t here = pointer.size();
  for (const auto& [name, member] : *object) {
    const bool holds = std::find(std::begin(kHoldsSchemas), std::end(kHoldsSchemas), name) != std::end(kHoldsSchemas);
    const bool holds_named = std::find(std::begin(kHoldsNamed), std::end(kHoldsNamed), name) != std::end(kHoldsNamed);
    if (!holds && !(holds_named && member.is_object())) continue;
    pointer += '/' + json_pointer_token(name);
    if (holds) {
      index(member, base, pointer, depth + 1);
    } else {
      const std::size_t inside = pointer.size();
      for (const auto& [key, schema] : member.get_object()) {
        pointer += '/' + json_pointer_token(key);
        index(schema, base, pointer, depth + 1);
        pointer.resize(inside);
      }
    }
    pointer.resize(here);
  }
}

Result<JsonSchemaReferences::Target> JsonSchemaReferences::resolve(std::string_view reference,
                                                                   const json::object& from) const {
  const auto [uri, fragment] = without_fragment(reference);
  const auto known = base_of_.find(&from);
  const std::string base = joined(known != base_of_.end() ? known->second : root_base_, uri);
  const auto lost = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "the reference \"" + std::string(reference.substr(0, 200)) + "\" leads nowhere in this document",
                "references inside the schema (\"#/$defs/...\") are followed; nothing is fetched");
  };
  const std::string decoded = percent_decoded(fragment);
  if (!decoded.empty() && decoded[0] != '/') {
    const auto anchor = anchors_.find(base + "#" + decoded);
    if (anchor == anchors_.end()) return lost();
    return anchor->second;
  }
  Target resource;
  if (const auto found = resources_.find(base); found != resources_.end()) {
    resource = found->second;
  } else if (uri.empty() || base == root_base_) {
    resource = {&root_, ""};
  } else {
    return lost();
  }
  for (const Target& place : {resource, Target{&root_, ""}}) {
    if (place.schema != resource.schema && !uri.empty()) break;
    // As it is written, then decoded: a name may hold a '%'.
    for (const std::string& pointer : {decoded, fragment}) {
      boost::system::error_code error;
      const json::value* target = place.schema->find_pointer(pointer, error);
      if (target != nullptr) return Target{target, place.pointer + pointer};
    }
  }
  return lost();
}

Result<JsonSchemaReferences::Target> JsonSchemaReferences::resolve_dynamic(std::string_view reference,
                                                                           const json::object& from) const {
  const auto dynamic = dynamic_.find(without_fragment(reference).second);
  if (dynamic != dynamic_.end() && dynamic->second > 1) {
    return fail(ErrorCode::kUnsupported,
                "the reference \"" + std::string(reference.substr(0, 200)) +
                    "\" depends on where it is reached from, as its anchor is dynamic twice",
                "use $ref");
  }
  return resolve(reference, from);
}

}  // namespace mnema
