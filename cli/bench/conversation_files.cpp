#include "cli/bench/conversation_files.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

Result<json::value> read_json(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf())) return fail(ErrorCode::kNotFound, "cannot read " + path);
  return parse_bounded_json(bytes.str(), path, kWrittenByUs);
}

std::string text_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  return value->is_null() ? std::string() : json::serialize(*value);
}

const json::array* array_of(const json::object& object, const std::string& name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

std::vector<long> numbers_in(const std::string& text) {
  std::vector<long> found;
  for (std::size_t at = 0; at < text.size();) {
    if (std::isdigit(static_cast<unsigned char>(text[at])) == 0) {
      ++at;
      continue;
    }
    long number = 0;
    for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; ++at) {
      number = std::min(number * 10 + (text[at] - '0'), 100'000L);
    }
    found.push_back(number);
  }
  return found;
}

/// Of 1 to 12; 0: none is named.
unsigned month_in(std::string text) {
  static constexpr std::array kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.find(kMonths[i]) != std::string::npos) return static_cast<unsigned>(i + 1);
  }
  return 0;
}

/// "D8:6; D9:17" names two turns; "D:11:26" and "D30:05" are D11:26 and D30:5.
void add_evidence(const std::string& text, const std::set<std::string>& known, std::vector<std::string>& evidence) {
  for (std::size_t at = text.find('D'); at != std::string::npos; at = text.find('D', at + 1)) {
    const std::vector<long> numbers = numbers_in(text.substr(at, text.find('D', at + 1) - at));
    if (numbers.size() < 2) continue;
    const std::string id = "D" + std::to_string(numbers[0]) + ":" + std::to_string(numbers[1]);
    if (known.count(id) == 0 || std::find(evidence.begin(), evidence.end(), id) != evidence.end()) continue;
    evidence.push_back(id);
  }
}

/// `talk`: with the sessions. `whole`: with the questions.
Result<Conversation> read_sessions(const json::object& talk, const json::object& whole, const std::string& name) {
  constexpr int kSessionsMax = 1'000;
  Conversation made;
  made.name = name;
  std::set<std::string> known;
  for (int session = 1; session <= kSessionsMax; ++session) {
    const std::string member = "session_" + std::to_string(session);
    const json::array* turns = array_of(talk, member);
    if (turns == nullptr) continue;
    const Time time = conversation_time(text_of(talk, (member + "_date_time").c_str()));
    for (const json::value& value : *turns) {
      const json::object* turn = value.if_object();
      if (turn == nullptr) continue;
      ConversationTurn read;
      read.id = text_of(*turn, "dia_id");
      const std::vector<long> numbers = numbers_in(read.id);
      if (numbers.size() == 2) read.id = "D" + std::to_string(numbers[0]) + ":" + std::to_string(numbers[1]);
      read.session = session;
      read.speaker = text_of(*turn, "speaker");
      read.text = text_of(*turn, turn->contains("text") ? "text" : "clean_text");
      const std::string photo = text_of(*turn, "blip_caption");
      if (!photo.empty()) read.text += " [photo: " + photo + "]";
      const Time own = conversation_time(text_of(*turn, "date_time"));
      read.time = own == Time{} ? time : own;
      known.insert(read.id);
      made.turns.push_back(std::move(read));
    }
  }
  if (const json::array* questions = array_of(whole, "qa")) {
    for (const json::value& value : *questions) {
      const json::object* question = value.if_object();
      if (question == nullptr) continue;
      ConversationQuestion read{text_of(*question, "question"), text_of(*question, "category"), {}};
      if (const json::array* evidence = array_of(*question, "evidence")) {
        for (const json::value& item : *evidence) {
          if (item.is_string()) add_evidence(std::string(item.get_string()), known, read.evidence);
        }
      }
      made.questions.push_back(std::move(read));
    }
  }
  if (made.turns.empty()) return fail(ErrorCode::kInvalidArgument, name + " has no sessions");
  return made;
}

/// Every number in lists and objects, however nested.
void add_numbers(const json::value& value, const std::set<std::string>& known, std::vector<std::string>& evidence) {
  if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) add_numbers(item, known, evidence);
  } else if (const json::object* object = value.if_object()) {
    for (const auto& [name, item] : *object) add_numbers(item, known, evidence);
  } else if (value.is_int64()) {
    const std::string id = std::to_string(value.get_int64());
    if (known.count(id) != 0 && std::find(evidence.begin(), evidence.end(), id) == evidence.end()) {
      evidence.push_back(id);
    }
  }
}

Result<Conversation> read_beam_chat(const std::string& folder) {
  ASSIGN_OR_RETURN(const json::value chat, read_json(folder + "/chat.json"));
  ASSIGN_OR_RETURN(const json::value asked, read_json(folder + "/probing_questions/probing_questions.json"));
  if (!chat.is_array() || !asked.is_object()) return fail(ErrorCode::kInvalidArgument, folder + " is no BEAM chat");
  Conversation made;
  made.name = std::filesystem::path(folder).filename().string();
  std::set<std::string> known;
  Time time{};
  int session = 0;
  const auto add_turn = [&](const json::value& value) {
    const json::object* turn = value.if_object();
    if (turn == nullptr) return;
    const Time anchor = conversation_time(text_of(*turn, "time_anchor"));
    if (anchor != Time{}) time = anchor;
    ConversationTurn read{text_of(*turn, "id"), session, text_of(*turn, "role"), text_of(*turn, "content"), time};
    // Behind the makers' arrow stands the number of their plan, not what was said.
    read.text = read.text.substr(0, read.text.rfind(" ->->"));
    known.insert(read.id);
    made.turns.push_back(std::move(read));
  };
  for (const json::value& batch : chat.get_array()) {
    ++session;
    const json::array* groups = batch.is_object() ? array_of(batch.get_object(), "turns") : nullptr;
    if (groups == nullptr) continue;
    for (const json::value& group : *groups) {
      if (!group.is_array()) add_turn(group);
      if (!group.is_array()) continue;
      for (const json::value& turn : group.get_array()) add_turn(turn);
    }
  }
  for (const auto& [kind, questions] : asked.get_object()) {
    if (!questions.is_array()) continue;
    for (const json::value& value : questions.get_array()) {
      const json::object* question = value.if_object();
      if (question == nullptr) continue;
      ConversationQuestion read{text_of(*question, "question"), std::string(kind), {}};
      if (const json::value* ids = question->if_contains("source_chat_ids")) add_numbers(*ids, known, read.evidence);
      made.questions.push_back(std::move(read));
    }
  }
  if (made.turns.empty()) return fail(ErrorCode::kInvalidArgument, folder + " has no turns");
  return made;
}

Result<std::vector<std::string>> sorted_entries(const std::string& folder, bool folders) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const bool wanted = folders ? entry.is_directory(error) : entry.path().extension() == ".json";
    if (wanted) found.push_back(entry.path().string());
  }
  if (error) return fail(ErrorCode::kNotFound, "cannot read the folder " + folder + ": " + error.message());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Time conversation_time(const std::string& text) {
  const std::vector<long> numbers = numbers_in(text);
  const unsigned month_named = month_in(text);
  long day = 0, month = month_named, year = 0, hour = 0, minute = 0;
  std::size_t at = 0;
  const bool clock_first = month_named != 0 && text.find(':') != std::string::npos;
  if (clock_first && numbers.size() >= 2) {
    hour = numbers[0];
    minute = numbers[1];
    at = 2;
    if (text.find("pm") != std::string::npos && hour < 12) hour += 12;
    if (text.find("am") != std::string::npos && hour == 12) hour = 0;
  }
  if (numbers.size() > at) day = numbers[at++];
  if (month_named == 0 && numbers.size() > at) month = numbers[at++];
  if (numbers.size() > at) year = numbers[at++];
  if (!clock_first && numbers.size() > at + 1) {
    hour = numbers[at];
    minute = numbers[at + 1];
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1900 || !date.ok() || hour > 23 || minute > 59) return {};
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute);
}

Result<std::vector<Conversation>> read_locomo(const std::string& path) {
  ASSIGN_OR_RETURN(const json::value file, read_json(path));
  std::vector<Conversation> read;
  const json::array* samples = file.if_array();
  if (samples == nullptr) return fail(ErrorCode::kInvalidArgument, path + " is no list of conversations");
  for (const json::value& value : *samples) {
    const json::object* sample = value.if_object();
    const json::value* talk = sample == nullptr ? nullptr : sample->if_contains("conversation");
    if (talk == nullptr || !talk->is_object()) {
      return fail(ErrorCode::kInvalidArgument, path + ": an item has no \"conversation\"");
    }
    std::string name = text_of(*sample, "sample_id");
    if (name.empty()) name = "conversation-" + std::to_string(read.size() + 1);
    ASSIGN_OR_RETURN(Conversation made, read_sessions(talk->get_object(), *sample, name));
    read.push_back(std::move(made));
  }
  return read;
}

Result<std::vector<Conversation>> read_realtalk(const std::string& path) {
  std::vector<std::string> files{path};
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    ASSIGN_OR_RETURN(files, sorted_entries(path, false));
  }
  std::vector<Conversation> read;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const json::value value, read_json(file));
    if (!value.is_object()) return fail(ErrorCode::kInvalidArgument, file + " is no conversation");
    const json::object& whole = value.get_object();
    const json::value* inner = whole.if_contains("conversation");
    const json::object& talk = inner != nullptr && inner->is_object() ? inner->get_object() : whole;
    ASSIGN_OR_RETURN(Conversation made, read_sessions(talk, whole, std::filesystem::path(file).stem().string()));
    read.push_back(std::move(made));
  }
  return read;
}

Result<std::vector<Conversation>> read_beam(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> chats, sorted_entries(folder, true));
  std::vector<Conversation> read;
  for (const std::string& chat : chats) {
    ASSIGN_OR_RETURN(Conversation made, read_beam_chat(chat));
    read.push_back(std::move(made));
  }
  if (read.empty()) return fail(ErrorCode::kNotFound, "there is no chat in " + folder);
  return read;
}

}  // namespace mnema
