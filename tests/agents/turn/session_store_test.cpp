#include "agents/turn/session_store.hpp"

#include <gtest/gtest.h>

#include "runtime/store/sqlite.hpp"

namespace mnema {
namespace {

class SessionStore : public ::testing::Test {
 protected:
  void SetUp() override {
    connection_ = std::move(*SqliteConnection::open(":memory:", SqliteConnection::Mode::kReadWriteCreate));
    for (const Migration& migration : agent_migrations()) ASSERT_TRUE(connection_->execute(migration.sql).ok());
    transaction_ = std::make_unique<Transaction>(*connection_);
  }
  Time later() { return now_ += std::chrono::seconds(1); }
  static SessionMemo memo(const std::string& session, const std::string& text) {
    return {session, {message_of(Role::kUser, text)}};
  }
  void put(const std::string& digest, const SessionMemo& memo) {
    ASSERT_TRUE(put_session(*transaction_, digest, {"local", "a", "", ""}, memo, later(), limits_).ok());
  }
  std::optional<SessionMemo> find(const std::string& digest) { return find_session(*transaction_, digest).value(); }

  Limits limits_;
  Time now_ = from_micros(1'700'000'000'000'000);
  std::unique_ptr<SqliteConnection> connection_;
  std::unique_ptr<Transaction> transaction_;
};

TEST_F(SessionStore, GivesADigestThatTwoSessionsHoldToNeither) {
  put("d", memo("one", "recalled for one"));
  put("d", memo("two", "recalled for two"));
  ASSERT_TRUE(find("d"));
  EXPECT_EQ(find("d")->session, "");
  EXPECT_TRUE(find("d")->laid_out.empty()) << "what one was shown is not the other's";
  put("d", memo("one", "recalled for one"));
  EXPECT_EQ(find("d")->session, "") << "and it stays so";
}

TEST_F(SessionStore, KeepsWhatWasLaidOutWhereItWasTheSameForBoth) {
  put("d", memo("one", "the same"));
  put("d", memo("two", "the same"));
  EXPECT_EQ(find("d")->session, "");
  EXPECT_EQ(find("d")->laid_out.size(), 1U);
}

TEST_F(SessionStore, RenewsADigestOfTheSameSession) {
  put("d", memo("one", "first"));
  put("d", memo("one", "second"));
  EXPECT_EQ(find("d")->session, "one");
  EXPECT_EQ(find("d")->laid_out[0].text(), "second");
}

TEST_F(SessionStore, KeepsOnlyTheNewestDigestsOfATalk) {
  for (int turn = 0; turn < 30; ++turn) put("turn" + std::to_string(turn), memo("long", "text"));
  put("other", memo("other", "text"));
  EXPECT_FALSE(find("turn0"));
  EXPECT_FALSE(find("turn21"));
  EXPECT_TRUE(find("turn22"));
  EXPECT_TRUE(find("turn29"));
  EXPECT_TRUE(find("other"));
}

TEST_F(SessionStore, KeepsTheSessionOfATalkThatIsTooLongToBeKept) {
  limits_.session_memo_bytes_max = 1000;
  put("d", memo("one", std::string(2000, 'x')));
  EXPECT_EQ(find("d")->session, "one");
  EXPECT_TRUE(find("d")->laid_out.empty());
}

TEST_F(SessionStore, WritesAStateOverTheRevisionThatWasReadAndNoOther) {
  ASSERT_TRUE(put_state(*transaction_, "local", "a", "k", {1, "{}", 0, {}}, now_).ok());
  EXPECT_EQ(put_state(*transaction_, "local", "a", "k", {1, "{}", 0, {}}, now_).error().code, ErrorCode::kAborted);

  const std::int64_t read = find_state(*transaction_, "local", "a", "k").value()->revision;
  ASSERT_TRUE(put_state(*transaction_, "local", "a", "k", {1, R"({"n":1})", read, {}}, now_).ok()) << "the clock stood";
  const Status stale = put_state(*transaction_, "local", "a", "k", {1, R"({"n":2})", read, {}}, later());
  ASSERT_FALSE(stale.ok());
  EXPECT_TRUE(stale.error().retryable);
  EXPECT_EQ(find_state(*transaction_, "local", "a", "k").value()->json, R"({"n":1})");
}

TEST_F(SessionStore, ForgetsNoTalkOfOneTenantForAnothers) {
  limits_.session_memos_per_tenant_max = 3;
  put("red", memo("red", "text"));
  for (int talk = 0; talk < 10; ++talk) {
    const std::string name = "blue" + std::to_string(talk);
    ASSERT_TRUE(put_session(*transaction_, name, {"blue", "a", "", ""}, memo(name, "text"), later(), limits_).ok());
  }
  EXPECT_TRUE(find("red"));
  EXPECT_FALSE(find("blue6"));
  EXPECT_TRUE(find("blue7"));
  EXPECT_TRUE(find("blue9"));
}

TEST_F(SessionStore, RemovesStatesThatExpiredAndNoOthers) {
  ASSERT_TRUE(put_state(*transaction_, "local", "a", "named", {1, "{}", 0, std::nullopt}, now_).ok());
  for (const char* key : {"x", "y", "z"}) {
    ASSERT_TRUE(put_state(*transaction_, "local", "a", key, {1, "{}", 0, now_ + std::chrono::hours(1)}, now_).ok());
  }
  EXPECT_EQ(expire_states(*transaction_, now_ + std::chrono::minutes(59), 10).value(), 0);
  const Time late = now_ + std::chrono::minutes(61);
  EXPECT_EQ(expire_states(*transaction_, late, 2).value(), 2) << "in units";
  const std::int64_t read = find_state(*transaction_, "local", "a", "z").value()->revision;
  ASSERT_TRUE(put_state(*transaction_, "local", "a", "z", {1, "{}", read, std::nullopt}, late).ok())
      << "a client has named it since";
  EXPECT_EQ(expire_states(*transaction_, late, 10).value(), 0);
  EXPECT_TRUE(find_state(*transaction_, "local", "a", "z").value());
  EXPECT_TRUE(find_state(*transaction_, "local", "a", "named").value());
}

}  // namespace
}  // namespace mnema
