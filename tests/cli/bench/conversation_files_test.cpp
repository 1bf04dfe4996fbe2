#include "cli/bench/conversation_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using Ids = std::vector<std::string>;

std::string written(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << bytes;
  return path;
}

constexpr const char* kLocomo = R"([{"sample_id": "c", "conversation": {"speaker_a": "Ann",
  "session_1_date_time": "12:05 am on 8 May, 2023",
  "session_1": [{"speaker": "Ann", "dia_id": "D1:1", "text": "Hello"},
                {"speaker": "Bob", "dia_id": "D1:2", "text": "Look", "blip_caption": "a cat"}],
  "session_3_date_time": "1:56 pm on 9 May, 2023",
  "session_3": [{"speaker": "Ann", "dia_id": "D3:5", "text": "Bye"}]},
  "qa": [{"question": "What?", "answer": 2022, "category": 1, "evidence": ["D1:1; D3:05", "D:1:2", "D1:1", "D", "D9:9"]},
         {"question": "Why?", "category": 3, "evidence": []}]}])";

TEST(ConversationFiles, ReadsLocomoWithItsMalformedEvidence) {
  const testing::TemporaryFolder folder;
  const auto read = read_locomo(written(folder / "set.json", kLocomo));
  ASSERT_TRUE(read.ok());
  const Conversation& talk = read->at(0);
  ASSERT_EQ(talk.turns.size(), 3U);
  EXPECT_EQ(talk.turns[1].text, "Look [photo: a cat]");
  EXPECT_EQ(talk.turns[2].session, 3);
  EXPECT_EQ(talk.questions[0].evidence, (Ids{"D1:1", "D3:5", "D1:2"}));
  EXPECT_EQ(talk.questions[0].category, "1");
  EXPECT_TRUE(talk.questions[1].evidence.empty());
}

TEST(ConversationFiles, ReadsTheTimesOfTheSets) {
  const auto day = [](int day_of_may, int year) {
    return Time(std::chrono::sys_days(std::chrono::year(year) / 5 / day_of_may));
  };
  EXPECT_EQ(conversation_time("12:05 am on 8 May, 2023"), day(8, 2023) + std::chrono::minutes(5));
  EXPECT_EQ(conversation_time("1:56 pm on 8 May, 2023"), day(8, 2023) + std::chrono::minutes(13 * 60 + 56));
  EXPECT_EQ(conversation_time("May-15-2024"), day(15, 2024));
  EXPECT_EQ(conversation_time("08.05.2023, 13:56:00"), day(8, 2023) + std::chrono::minutes(13 * 60 + 56));
  EXPECT_EQ(conversation_time("some day in 99999999999999999999"), Time{});
}

TEST(ConversationFiles, ReadsRealtalkFromAFileAndFromAFolder) {
  const testing::TemporaryFolder folder;
  const std::string chat = R"({"session_1": [{"speaker": "Ann", "dia_id": "D1:1", "clean_text": "Hello",
    "date_time": "08.05.2023, 13:56:00"}], "qa": [{"question": "What?", "category": 2, "evidence": ["D1:1"]}]})";
  const std::string file = written(folder / "chats/one.json", chat);
  for (const std::string& path : {file, folder / "chats"}) {
    const auto read = read_realtalk(path);
    ASSERT_TRUE(read.ok()) << path;
    EXPECT_EQ(read->at(0).turns[0].text, "Hello");
    EXPECT_NE(read->at(0).turns[0].time, Time{});
    EXPECT_EQ(read->at(0).questions[0].evidence, Ids{"D1:1"});
  }
}

TEST(ConversationFiles, ReadsBeamWithEvidenceInListsAndObjects) {
  const testing::TemporaryFolder folder;
  written(folder / "100K/1/chat.json",
          R"([{"turns": [[{"role": "user", "id": 0, "time_anchor": "May-15-2024", "content": "Plan it ->-> 1,1"},
                          {"role": "assistant", "id": 1, "content": "Done"}]]}])");
  written(folder / "100K/1/probing_questions/probing_questions.json",
          R"({"abstention": [{"question": "Who?"}],
              "knowledge_update": [{"question": "What?", "source_chat_ids": {"old": [0], "new": [1, 7]}}]})");
  const auto read = read_beam(folder / "100K");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at(0).turns[0].text, "Plan it");
  EXPECT_EQ(read->at(0).turns[1].time, read->at(0).turns[0].time);
  EXPECT_TRUE(read->at(0).questions[0].evidence.empty());
  EXPECT_EQ(read->at(0).questions[1].evidence, (Ids{"0", "1"}));
}

TEST(ConversationFiles, SaysWhatIsNoSuchSet) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(read_locomo(folder / "none.json").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_locomo(written(folder / "a.json", "{}")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_locomo(written(folder / "b.json", "[1, {\"qa\": []}]")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_realtalk(written(folder / "c.json", "{\"session_1\": 3}")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_beam(folder / "missing").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mnema
