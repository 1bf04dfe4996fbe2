#include "memory/blocks/block_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Opened;

const Scope kAnna{"local", "bot", "anna", ""};
const Scope kBot{"local", "bot", "", ""};

BlockEdit which(const Scope& scope, std::optional<std::int64_t> version = {}) {
  BlockEdit edit;
  edit.scope = scope;
  edit.name = "notes";
  edit.by = "operator";
  edit.version = version;
  return edit;
}

class Blocks : public Opened {
 public:
  Result<Block> edit(BlockEdit change) {
    return write<Block>([this, change](Transaction& transaction) { return memory->edit_block(transaction, change); });
  }
  Result<Block> set(const Scope& scope, const std::string& name, const std::string& text,
                    std::optional<std::int64_t> version = {}, Trust trust = Trust::kUser) {
    return edit({scope, name, BlockEditKind::kSet, text, "", version, trust, "test"});
  }
  Result<Block> append(const Scope& scope, const std::string& name, const std::string& text,
                       Trust trust = Trust::kUser) {
    return edit({scope, name, BlockEditKind::kAppend, text, "", {}, trust, "test"});
  }
  Result<Block> replace(const std::string& name, const std::string& part, const std::string& text) {
    return edit({kAnna, name, BlockEditKind::kReplace, text, part, {}, Trust::kUser, "test"});
  }
  Status remove(const Scope& scope, const std::string& name, std::optional<std::int64_t> version = {}) {
    BlockEdit edit = which(scope, version);
    edit.name = name;
    const auto removed = write<bool>([edit](Transaction& transaction) -> Result<bool> {
      RETURN_IF_ERROR(block_store::remove(transaction, edit));
      return true;
    });
    return removed.ok() ? Status() : Status(removed.error());
  }
  std::vector<Block> seen_by(const Scope& asker) {
    return answered<std::vector<Block>>([&](std::function<void(Result<std::vector<Block>>)> on_done) {
             memory->blocks(asker, simulation.lane("loop"), std::move(on_done));
           })
        .value();
  }
};

TEST(Blocks, AreReadByThoseWhoseTheyAreAndHideNoneOfTheSameName) {
  Blocks blocks;
  EXPECT_FALSE(blocks.memory->has_blocks());
  ASSERT_TRUE(blocks.set(kBot, "persona", "You are kind.").ok());
  ASSERT_TRUE(blocks.set(kBot, "notes", "Nothing yet.").ok());
  ASSERT_TRUE(blocks.set(kAnna, "notes", "Likes tea.").ok());
  EXPECT_TRUE(blocks.memory->has_blocks());
  EXPECT_EQ(text_of(blocks.seen_by(kAnna)), "[notes]\nNothing yet.\n[notes]\nLikes tea.\n[persona]\nYou are kind.")
      << "an operator's for everybody holds for her, too";
  EXPECT_EQ(text_of(blocks.seen_by({"local", "bot", "bert", ""})), "[notes]\nNothing yet.\n[persona]\nYou are kind.");
  EXPECT_EQ(text_of(blocks.seen_by({"local", "other", "anna", ""})), "");
  EXPECT_EQ(text_of(blocks.seen_by({"other", "bot", "anna", ""})), "");
  blocks.reopen();
  EXPECT_TRUE(blocks.memory->has_blocks());
  EXPECT_TRUE(blocks.memory->check_integrity().ok());
}

TEST(Blocks, RefuseWhatIsLongerThanTheirLimitOnEveryWay) {
  Blocks blocks;
  const std::string full(static_cast<std::size_t>(BlockLimits{}.bytes_max), 'x');
  ASSERT_TRUE(blocks.set(kAnna, "notes", full).ok());
  for (const Result<Block>& refused : {blocks.set(kAnna, "notes", full + "y"), blocks.append(kAnna, "notes", ""),
                                       blocks.replace("notes", full, full + "y")}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
    EXPECT_NE(refused.error().hint.find("limits.block_bytes_max"), std::string::npos);
  }
  for (int i = 1; i < BlockLimits{}.blocks_max; ++i) ASSERT_TRUE(blocks.set(kAnna, "b" + std::to_string(i), "x").ok());
  ASSERT_FALSE(blocks.set(kAnna, "one_more", "x").ok());
  ASSERT_TRUE(blocks.set(kBot, "one_more", "x").ok()) << "of another scope";
}

TEST(Blocks, TellAStaleVersionWhatToDo) {
  Blocks blocks;
  const Block first = blocks.set(kAnna, "notes", "one", 0).value();
  EXPECT_EQ(first.version, 1);
  ASSERT_TRUE(blocks.set(kAnna, "notes", "two", 1).ok());
  const Result<Block> stale = blocks.set(kAnna, "notes", "three", 1);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, ErrorCode::kAborted);
  EXPECT_EQ(stale.error().message, "block 'notes' has version 2 now, and the change was made from version 1");
  EXPECT_NE(stale.error().hint.find("read it again"), std::string::npos);
  EXPECT_EQ(blocks.seen_by(kAnna)[0].text, "two");
}

TEST(Blocks, AreAppendedToAndReplacedInAsTheyStand) {
  Blocks blocks;
  ASSERT_TRUE(blocks.append(kAnna, "notes", "Likes tea.").ok());
  ASSERT_TRUE(blocks.append(kAnna, "notes", "Has a cat.").ok());
  EXPECT_EQ(blocks.replace("notes", "tea", "coffee")->text, "Likes coffee.\nHas a cat.");
  EXPECT_EQ(blocks.replace("notes", "dog", "cat").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(blocks.replace("notes", "a", "o").error().message,
            "block 'notes' holds the text to be replaced more than once");
  EXPECT_EQ(blocks.set(kAnna, "no such/name", "x").error().code, ErrorCode::kInvalidArgument);
}

TEST(Blocks, KeepWhatTheySaidToGoBackTo) {
  Blocks blocks;
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(blocks.set(kAnna, "notes", text).ok());
  const auto restored = blocks.write<Block>([&](Transaction& transaction) {
    return block_store::restore(transaction, which(kAnna), 1, BlockLimits{}, Time{});
  });
  EXPECT_EQ(restored->text, "one");
  EXPECT_EQ(restored->version, 4);
  const auto history = blocks.read<std::vector<Block>>(
      [&](Transaction& transaction) { return block_store::history(transaction, kAnna, "notes"); });
  ASSERT_EQ(history->size(), 4U);
  EXPECT_EQ(history->at(0).changed_by, "operator");
  EXPECT_EQ(history->at(1).text, "three");
  const auto missing = blocks.write<Block>([&](Transaction& transaction) {
    return block_store::restore(transaction, which(kAnna), 9, BlockLimits{}, Time{});
  });
  EXPECT_EQ(missing.error().hint, "there are 1 to 4");
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(blocks.set(kAnna, "notes", "text " + std::to_string(i)).ok());
  EXPECT_EQ(blocks.number("SELECT count(*) FROM memory_block_versions"), BlockLimits{}.versions_max);
  EXPECT_TRUE(blocks.memory->check_integrity().ok());
}

TEST(Blocks, AreTrustedAsTheWeakestOfTheirParts) {
  Blocks blocks;
  ASSERT_TRUE(blocks.set(kAnna, "notes", "one", {}, Trust::kOperator).ok());
  EXPECT_EQ(blocks.append(kAnna, "notes", "two", Trust::kExternal)->trust, Trust::kExternal);
  EXPECT_EQ(blocks.append(kAnna, "notes", "three", Trust::kOperator)->trust, Trust::kExternal);
  EXPECT_EQ(blocks.set(kAnna, "notes", "new", {}, Trust::kOperator)->trust, Trust::kOperator);
}

TEST(Blocks, GoWithTheirScopeAndTheirHistory) {
  Blocks blocks;
  ASSERT_TRUE(blocks.set(kAnna, "notes", "one").ok());
  ASSERT_TRUE(blocks.set(kAnna, "notes", "two").ok());
  ASSERT_TRUE(blocks.set(kAnna, "anna_s_cat", "Minka").ok());
  ASSERT_TRUE(blocks.remove(kAnna, "anna_s_cat").ok());
  ASSERT_TRUE(blocks.set(kBot, "persona", "kind").ok());
  const Result<Erasure> receipt = blocks.erase({{"local", "", "anna", ""}});
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->counts.at("blocks"), 2) << "also the name of what was removed";
  EXPECT_EQ(blocks.number("SELECT count(*) FROM memory_block_versions"), 1);
  EXPECT_EQ(blocks.number("SELECT count(*) FROM memory_block_ends"), 0);
  EXPECT_EQ(text_of(blocks.seen_by(kAnna)), "[persona]\nkind");
}

TEST(Blocks, ThatAreMadeAgainAreNotTakenForWhatWasThere) {
  Blocks blocks;
  ASSERT_TRUE(blocks.set(kAnna, "notes", "one").ok());
  EXPECT_EQ(blocks.remove(kAnna, "notes", 7).error().code, ErrorCode::kAborted);
  ASSERT_TRUE(blocks.remove(kAnna, "notes", 1).ok());
  EXPECT_EQ(blocks.remove(kAnna, "notes").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(blocks.set(kAnna, "notes", "another", 0)->version, 2) << "version 1 was another block";
  EXPECT_EQ(blocks.set(kAnna, "notes", "stale", 1).error().code, ErrorCode::kAborted);
  const auto stale = blocks.write<Block>([&](Transaction& transaction) {
    return block_store::restore(transaction, which(kAnna, 1), 2, BlockLimits{}, Time{});
  });
  EXPECT_EQ(stale.error().code, ErrorCode::kAborted);
  EXPECT_TRUE(blocks.memory->check_integrity().ok());
}

}  // namespace
}  // namespace mnema
