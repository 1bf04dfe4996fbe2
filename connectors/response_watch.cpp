#include "connectors/response_watch.hpp"

#include <algorithm>
#include <cctype>

#include "runtime/base/check.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

std::vector<std::string_view> segments_of(std::string_view path) {
  path = path.substr(0, path.find('?'));
  std::vector<std::string_view> segments;
  for (std::size_t begin = path.starts_with('/') ? 1 : 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    segments.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return segments;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool is_version(std::string_view segment) {
  return segment.size() > 1 && segment[0] == 'v' && std::all_of(segment.begin() + 1, segment.end(), is_digit);
}

bool is_id(std::string_view segment) {
  return !is_version(segment) &&
         std::any_of(segment.begin(), segment.end(), [](char c) { return is_digit(c) || c == '%' || c == '@'; });
}

/// Whether `call` ("GET /orders/{id}") is meant by this method and path.
bool is_meant(std::string_view call, std::string_view method, std::string_view path) {
  const std::size_t blank = call.find(' ');
  if (call.substr(0, blank) != method) return false;
  const std::vector<std::string_view> pattern = segments_of(call.substr(blank + 1));
  const std::vector<std::string_view> segments = segments_of(path);
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](std::string_view of_pattern, std::string_view of_path) {
                      return of_pattern == of_path || (of_pattern.starts_with('{') && of_pattern.ends_with('}'));
                    });
}

bool is_json(const HttpHeaders& headers) {
  const std::string_view type = headers.get("content-type");
  const std::string_view plain = type.substr(0, type.find(';'));
  return plain == "application/json" || plain.ends_with("+json");
}

/// Where `value` does not fit, each place once: " at /items/*/id, /name".
std::string places_of(const JsonSchema& schema, const json::value& value) {
  std::set<std::string> places;
  for (const SchemaBreach& breach : schema.validate(value)) {
    std::string place;
    for (const std::string_view token : segments_of(breach.pointer)) {
      place += !token.empty() && std::all_of(token.begin(), token.end(), is_digit) ? "/*" : "/" + std::string(token);
    }
    constexpr std::size_t kPlaceBytesMax = 512;  // whoever answers chooses the names, and each change is remembered
    places.insert(place.substr(0, valid_utf8_prefix(std::string_view(place).substr(0, kPlaceBytesMax))));
  }
  std::string text;
  for (const std::string& place : places) text += (text.empty() ? " at " : ", ") + place;
  return text;
}

}  // namespace

DriftPolicy drift_policy_of(std::string_view name) {
  if (name == "fail") return DriftPolicy::kFail;
  if (name == "note") return DriftPolicy::kNote;
  if (name == "off") return DriftPolicy::kOff;
  return DriftPolicy::kPinned;
}

std::string path_template_of(std::string_view path) {
  std::string text;
  for (const std::string_view segment : segments_of(path))
    text += is_id(segment) ? "/{id}" : "/" + std::string(segment);
  return text;
}

ResponseWatch::ResponseWatch(ResponseWatchOptions options, std::vector<Pinned> pinned,
                             std::map<std::string, JsonShape> restored, ShapeLog* log)
    : options_(std::move(options)), pinned_(std::move(pinned)), log_(log) {
  for (auto& [call, shape] : restored) {
    if (learned_.size() < options_.shapes_max) learned_.emplace(call, SchemaWatch(call, std::move(shape)));
  }
}

std::string ResponseWatch::call_of(std::string_view method, std::string_view path) const {
  return std::string(method) + " " + path_template_of(path);
}

Status ResponseWatch::check(std::string_view method, std::string_view path, int status, const HttpHeaders& headers,
                            std::string_view body) {
  if (options_.policy == DriftPolicy::kOff || status == 204 || status == 304) return {};
  const auto pinned =
      std::find_if(pinned_.begin(), pinned_.end(), [&](const Pinned& of) { return is_meant(of.call, method, path); });
  const JsonBounds bounds{options_.body_bytes_max, Limits{}.json_depth_max, true};
  if (pinned != pinned_.end()) {
    const std::string answer = "the answer to " + pinned->call;
    const Result<json::value> parsed = parse_bounded_json(body, answer, bounds);
    const bool fails = options_.policy != DriftPolicy::kNote;
    if (!parsed.ok()) return drifted(parsed.error().message, answer + " is no JSON", status, fails);
    const Status fits = pinned->schema.check(*parsed, answer + " does not fit its schema");
    if (fits.ok()) return {};
    return drifted(fits.error().message, answer + " does not fit its schema" + places_of(pinned->schema, *parsed),
                   status, fails);
  }
  if (!is_json(headers) || static_cast<std::int64_t>(body.size()) > options_.body_bytes_max) return {};
  const Result<json::value> parsed = parse_bounded_json(body, "an answer", bounds);
  // Whoever reads it says so.
  if (!parsed.ok()) return {};
  const Status fits = judge(call_of(method, path), with_doubles(*parsed));
  if (fits.ok()) return {};
  return drifted(fits.error().message, fits.error().message, status, options_.policy == DriftPolicy::kFail);
}

Status ResponseWatch::judge(const std::string& call, const json::value& answer) {
  const std::scoped_lock lock(mutex_);
  auto known = learned_.find(call);
  if (known == learned_.end()) {
    if (learned_.size() >= options_.shapes_max) return ++counts_.unwatched, Status();
    known = learned_.emplace(call, SchemaWatch(call, options_.samples_to_learn)).first;
  }
  SchemaWatch& watch = known->second;
  const bool was_learning = watch.is_learning();
  const Result<SchemaWatch::Report> report = watch.check(answer);
  const bool has_learned = was_learning && !watch.is_learning();
  const bool is_new = report.ok() && !report->new_paths.empty();
  if (is_new) {
    counts_.new_members += static_cast<long long>(report->new_paths.size());
    std::string members;
    for (const std::string& path : report->new_paths) members += (members.empty() ? "" : "; ") + path;
    log_info("connectors", "answers of a connector have new members",
             {{"connector", options_.connector}, {"call", call}, {"members", members.substr(0, 1000)}});
  }
  // What was told is the shape from now on, also after a restart, unless it is to fail.
  const bool adopts = is_new || (!report.ok() && options_.policy != DriftPolicy::kFail);
  if (adopts) watch.accept(answer);
  if (log_ != nullptr && (has_learned || adopts)) log_->keep(options_.connector, call, watch.shape());
  return report.ok() ? Status() : Status(report.error());
}

Status ResponseWatch::drifted(const std::string& how, const std::string& told, int status, bool fails) {
  {
    const std::scoped_lock lock(mutex_);
    ++counts_.drifted;
    if (told_.size() < options_.told_max && told_.insert(told).second) {
      log_warning("connectors", "answers of a connector have changed their shape",
                  {{"connector", options_.connector}, {"status", status}, {"changes", told}, {"fails", fails}});
    }
  }
  if (!fails) return {};
  return fail(
      ErrorCode::kSchemaDrift,
      "connector '" + options_.connector + "' has answered HTTP " + std::to_string(status) +
          ", and what came is not what it was: " + how,
      "the call was made; read what has changed, then correct the schema, or set the connector's drift to note");
}

ResponseWatch::Counts ResponseWatch::counts() const {
  const std::scoped_lock lock(mutex_);
  Counts counts = counts_;
  counts.shapes = static_cast<int>(pinned_.size());
  for (const auto& [call, watch] : learned_) counts.shapes += watch.is_learning() ? 0 : 1;
  return counts;
}

void ResponseWatch::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  CHECK(learned_.size() <= options_.shapes_max, "at most shapes_max shapes are known");
}

}  // namespace mnema
