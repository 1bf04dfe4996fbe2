// cli/bench/conversation_files.hpp
//
// Public sets of long conversations with questions, as their makers lay them out. None of them is part of this project;
// a set is given by its path, for measuring only.
//
//   LoCoMo     one JSON file: [{"sample_id", "conversation": {"session_1_date_time", "session_1": [{"speaker",
//              "dia_id", "text", "blip_caption"?}], ...}, "qa": [{"question", "category", "evidence": ["D1:3"]}]}]
//   REALTALK   the same members, one conversation in a file and at its top; texts may stand under "clean_text"
//   BEAM       a folder with one folder for each chat: chat.json ([{"turns": [[{"role", "id", "content",
//              "time_anchor"?}]]}]) and probing_questions/probing_questions.json ({kind: [{"question",
//              "source_chat_ids"}]})
//
// Threads: pure functions that read files.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct ConversationTurn {
  std::string id;  // as evidence names it
  int session = 0;
  std::string speaker;
  std::string text;  // a shared photo's caption stands in brackets behind it
  Time time{};
};

struct ConversationQuestion {
  std::string text;
  std::string category;
  std::vector<std::string> evidence;  // ids of turns, distinct; those that name no turn are left out
};

struct Conversation {
  std::string name;
  std::vector<ConversationTurn> turns;  // as they happened
  std::vector<ConversationQuestion> questions;
};

/// Errors of all: `kNotFound`, `kInvalidArgument` (not that layout).
[[nodiscard]] Result<std::vector<Conversation>> read_locomo(const std::string& path);
/// A file, or a folder of them.
[[nodiscard]] Result<std::vector<Conversation>> read_realtalk(const std::string& path);
[[nodiscard]] Result<std::vector<Conversation>> read_beam(const std::string& folder);

/// "1:56 pm on 8 May, 2023", "8 May, 2023", "March-15-2024", "08.05.2023, 13:56:00"; the epoch for what is none of
/// these.
[[nodiscard]] Time conversation_time(const std::string& text);

}  // namespace mnema
