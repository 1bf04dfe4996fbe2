#include "connectors/schema_registry/registry.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "connectors/http/path.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr SchemaId kIdMax = 0x7fff'ffff;         // its ids are positive integers of 32 bits
constexpr std::size_t kProblemBytesMax = 1'000;  // every dead letter has it

/// The registry's own numbers for what it does not have: subject, version, schema. A 404 without one is of somebody
/// else: a proxy, or a URL that leads elsewhere.
bool says_unknown(const Error& error) {
  if (error.code != ErrorCode::kNotFound) return false;
  const std::size_t at = error.message.find("\"error_code\"");
  return at != std::string::npos && error.message.find("404", at) != std::string::npos;
}

struct Answer {
  SchemaText text;
  std::vector<std::pair<std::string, std::string>> references;  // name, and where it is to be had
};

Result<Answer> read_answer(const std::string& body) {
  ASSIGN_OR_RETURN(const json::value parsed, parse_bounded_json(body, "the registry's answer"));
  const json::object* object = parsed.if_object();
  const json::value* text = object ? object->if_contains("schema") : nullptr;
  if (text == nullptr || !text->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "the registry's answer has no member 'schema'");
  }
  Answer answer;
  answer.text.text = text->get_string();
  const json::value* type = object->if_contains("schemaType");  // Avro's is left out
  const std::string_view kind = type != nullptr && type->is_string() ? std::string_view(type->get_string()) : "AVRO";
  if (kind == "PROTOBUF") answer.text.kind = SchemaKind::kProtobuf;
  if (kind == "JSON") answer.text.kind = SchemaKind::kJsonSchema;
  const json::value* references = object->if_contains("references");
  if (references == nullptr || !references->is_array()) return answer;
  for (const json::value& reference : references->get_array()) {
    const json::object* of = reference.if_object();
    const json::value* name = of ? of->if_contains("name") : nullptr;
    const json::value* subject = of ? of->if_contains("subject") : nullptr;
    const json::value* version = of ? of->if_contains("version") : nullptr;
    if (!name || !name->is_string() || !subject || !subject->is_string() || !version || !version->is_int64()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the registry's answer has a reference without name, subject or version");
    }
    answer.references.emplace_back(name->get_string(), path("subjects")
                                                           .segment(std::string_view(subject->get_string()))
                                                           .segment("versions")
                                                           .segment(std::to_string(version->get_int64())));
  }
  return answer;
}

}  // namespace

struct SchemaRegistry::Lookup {
  std::set<SchemaId> missing;
  RegisteredSchemas found;
  Done done;
};

/// A schema and what it refers to, by their paths in the registry.
struct SchemaRegistry::Fetch {
  SchemaId id = 0;
  std::string root;                          // its path
  std::map<std::string, Answer> answers;     // by path
  std::map<std::string, std::string> names;  // of references, by path
  std::vector<std::string> wanted;           // paths

  /// Each behind what it refers to.
  void order(const std::string& at, std::set<std::string>& seen, std::vector<SchemaText::Reference>& out) const {
    for (const auto& [name, to] : answers.at(at).references) {
      if (!seen.insert(to).second) continue;
      order(to, seen, out);
      out.push_back({name, answers.at(to).text.text});
    }
  }
};

SchemaRegistry::SchemaRegistry(SchemaRegistryOptions options, Parts parts)
    : options_(std::move(options)), parts_(parts) {}

void SchemaRegistry::find(const std::set<SchemaId>& ids, Done done) {
  auto lookup = std::make_shared<Lookup>();
  lookup->missing = ids;
  lookup->done = std::move(done);
  advance(lookup);
}

void SchemaRegistry::advance(const std::shared_ptr<Lookup>& lookup) {
  while (!lookup->missing.empty()) {
    const SchemaId id = *lookup->missing.begin();
    if (id > kIdMax) {  // some registries answer that as a call that is wrong, and not as one for what is not there
      lookup->found.emplace(id, fail(ErrorCode::kInvalidArgument, "the schema registry has no schema " +
                                                                      std::to_string(id) + ", as no id is that large"));
      lookup->missing.erase(lookup->missing.begin());
      continue;
    }
    const auto known = known_.find(id);
    const bool is_good =
        known != known_.end() && (!known->second.until || parts_.clock.monotonic_now() < *known->second.until);
    if (!is_good) {
      auto& waiting = fetching_[id];
      // Not shared: this is its own, and the fetch may be dropped without an end.
      waiting.push_back([this, lookup](const std::optional<Error>& error) {
        if (error) return lookup->done(*error);
        advance(lookup);
      });
      if (waiting.size() == 1) fetch(id);
      return;
    }
    known->second.used = ++uses_;
    lookup->found.emplace(id, known->second.schema);
    lookup->missing.erase(lookup->missing.begin());
  }
  lookup->done(std::move(lookup->found));
}

void SchemaRegistry::fetch(SchemaId id) {
  auto fetch = std::make_shared<Fetch>();
  fetch->id = id;
  fetch->root = path("schemas").segment("ids").segment(std::to_string(id));
  get(fetch, fetch->root);
}

void SchemaRegistry::get(const std::shared_ptr<Fetch>& fetch, const std::string& path) {
  fetch->wanted.push_back(path);
  HttpCall call;
  call.path = path;
  call.headers.add("Accept", "application/vnd.schemaregistry.v1+json, application/json");
  parts_.client.send(std::move(call), parts_.home,
                     [self = shared_from_this(), fetch](const Result<HttpReply>& reply) { self->got(fetch, reply); });
}

void SchemaRegistry::got(const std::shared_ptr<Fetch>& fetch, const Result<HttpReply>& reply) {
  if (!reply.ok() && !says_unknown(reply.error())) return failed(fetch->id, reply.error());
  if (!reply.ok()) {
    const bool is_root = fetch->wanted.back() == fetch->root;
    const std::string name = "schema " + std::to_string(fetch->id);
    // The record's fault, not ours.
    return keep(fetch->id,
                fail(ErrorCode::kInvalidArgument,
                     is_root ? "the schema registry has no " + name
                             : "the schema registry lacks what " + name + " refers to: " + reply.error().message),
                options_.unknown_for);
  }
  Result<Answer> answer = read_answer(reply->body);
  if (!answer.ok()) return failed(fetch->id, answer.error());
  fetch->answers.emplace(fetch->wanted.back(), std::move(*answer));
  fetch_reference_or_compile(fetch);
}

void SchemaRegistry::fetch_reference_or_compile(const std::shared_ptr<Fetch>& fetch) {
  const auto references_max = static_cast<std::size_t>(parts_.limits.schema_references_max);
  for (const auto& [at, answer] : fetch->answers) {
    for (const auto& [name, to] : answer.references) {
      if (fetch->answers.contains(to)) continue;
      if (fetch->answers.size() <= references_max) return get(fetch, to);
      return keep(fetch->id,
                  fail(ErrorCode::kResourceExhausted, "schema " + std::to_string(fetch->id) + " refers to more than " +
                                                          std::to_string(references_max) + " other ones"),
                  std::nullopt);
    }
  }
  parts_.workers.post([self = shared_from_this(), fetch] {
    SchemaText text = fetch->answers.at(fetch->root).text;
    std::set<std::string> seen{fetch->root};
    fetch->order(fetch->root, seen, text.references);
    Found compiled = RegisteredSchema::compile(text);
    if (!compiled.ok()) {
      Error error = compiled.error();
      error.message = "schema " + std::to_string(fetch->id) + " of the registry cannot be read: " + error.message;
      error.message.resize(valid_utf8_prefix(std::string_view(error.message).substr(0, kProblemBytesMax)));
      compiled = error;
    }
    self->parts_.home.post(
        [self, id = fetch->id, compiled = std::move(compiled)] { self->keep(id, compiled, std::nullopt); });
  });
}

void SchemaRegistry::keep(SchemaId id, Found schema, std::optional<Duration> good_for) {
  if (failures_in_a_row_ > 0) {
    log_info("schema_registry", "the registry answers again", {{"source", options_.name}});
    failures_in_a_row_ = 0;
  }
  if (!schema.ok()) {
    log_warning("schema_registry", "records of a schema become dead letters",
                {{"source", options_.name}, {"schema_id", id}, {"why", schema.error().text()}});
  }
  {
    const std::scoped_lock lock(mutex_);
    problem_.reset();
    ++(good_for ? counts_.unknown : counts_.fetched);
  }
  Known known{std::move(schema), std::nullopt, ++uses_};
  if (good_for) known.until = parts_.clock.monotonic_now() + *good_for;
  known_.insert_or_assign(id, std::move(known));
  if (known_.size() > static_cast<std::size_t>(parts_.limits.schemas_max)) {
    known_.erase(std::min_element(known_.begin(), known_.end(),
                                  [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  wake(id, std::nullopt);
}

void SchemaRegistry::failed(SchemaId id, const Error& why) {
  const Duration wait = std::min(options_.wait_max, options_.wait_min * (1 << std::min(failures_in_a_row_, 10)));
  ++failures_in_a_row_;
  Error error =
      fail_retryable(ErrorCode::kUnavailable,
                     "the schema registry does not say what schema " + std::to_string(id) + " is: " + why.message,
                     why.hint.empty() ? "records wait until it does" : why.hint,
                     std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
  {
    const std::scoped_lock lock(mutex_);
    problem_ = error.message;
    ++counts_.failed;
  }
  wake(id, error);
}

void SchemaRegistry::wake(SchemaId id, const std::optional<Error>& error) {
  const auto waiting = fetching_.extract(id);
  CHECK(!waiting.empty(), "a fetch ends once");
  for (const auto& go_on : waiting.mapped()) go_on(error);
}

std::optional<std::string> SchemaRegistry::problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

SchemaRegistry::Counts SchemaRegistry::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

void SchemaRegistry::check_integrity() const {
  CHECK(known_.size() <= static_cast<std::size_t>(parts_.limits.schemas_max), "at most schemas_max schemas are kept");
}

}  // namespace mnema
