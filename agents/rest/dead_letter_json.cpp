#include "agents/rest/dead_letter_json.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>

#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

/// The payload as JSON if it is, else its text.
boost::json::value payload_json(const std::string& bytes) {
  if (const Result<boost::json::value> parsed = parse_bounded_json(bytes, "payload"); parsed.ok()) return *parsed;
  if (is_valid_utf8(bytes)) return boost::json::value(bytes);
  return boost::json::value(fmt::format("({} bytes that are not text)", bytes.size()));
}

boost::json::object error_json(const Error& error) {
  boost::json::object json{{"code", name_of(error.code)}, {"message", error.message}};
  if (!error.hint.empty()) json["hint"] = error.hint;
  return json;
}

}  // namespace

std::string utc_text(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

boost::json::object dead_letter_json(const DeadLetterSummary& summary) {
  return {{"id", summary.id.text()},
          {"tenant", summary.tenant},
          {"agent", summary.agent},
          {"key", summary.key},
          {"about", summary.about},
          {"attempts", summary.attempts},
          {"tries", summary.tries},
          {"generation", summary.generation},
          {"died_at", utc_text(summary.died_at)},
          {"error", error_json(summary.error)}};
}

boost::json::object dead_letter_json(const DeadLetter& letter) {
  boost::json::object json = dead_letter_json(letter.summary);
  boost::json::array errors;
  for (const mailbox_store::AttemptError& failed : letter.errors) {
    boost::json::object row = error_json(failed.error);
    row["attempt"] = failed.attempt;
    row["at"] = utc_text(failed.at);
    errors.push_back(std::move(row));
  }
  json["errors"] = std::move(errors);
  if (letter.event) {
    const Event& event = *letter.event;
    json["event"] = {{"id", event.id},
                     {"source", event.source},
                     {"type", event.type},
                     {"subject", event.subject},
                     {"time", utc_text(event.time)},
                     {"user", event.user},
                     {"content_type", event.content_type},
                     {"data", payload_json(event.data)}};
    if (event.deadline) json["event"].as_object()["deadline"] = utc_text(*event.deadline);
    if (letter.batch > 0) json["batch"] = letter.batch + 1;
  }
  if (letter.message) {
    const OutboxMessage& message = *letter.message;
    json["message"] = {{"destination", message.destination},
                       {"turn", message.turn},
                       {"idempotency_key", message.idempotency_key},
                       {"content_type", message.content_type},
                       {"body", payload_json(message.body)}};
  }
  if (letter.journal) {
    boost::json::array steps;
    for (const auto& [path, step] : letter.journal->steps) {
      boost::json::object row{{"path", path},
                              {"name", step.start.name},
                              {"state", name_of(step.state)},
                              {"attempts", step.attempts},
                              {"started_at", utc_text(step.started_at)}};
      if (step.state == StepState::kDone) row["result"] = payload_json(step.result);
      if (step.error) row["error"] = error_json(*step.error);
      steps.push_back(std::move(row));
    }
    json["steps"] = std::move(steps);
  }
  return json;
}

}  // namespace mnema
