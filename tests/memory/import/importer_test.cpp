#include "memory/import/importer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "memory/export/exporter.hpp"
#include "memory/no_embedder.hpp"
#include "memory/sources_store.hpp"
#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using namespace testing;

const Scope kAnna{"local", "bot", "anna", ""};
const Scope kBert{"local", "", "bert", ""};

struct Side : Opened {
  EpisodeId say(const Scope& scope, const std::string& thread, const std::string& text) {
    return Opened::say(scope, thread, text, {{"event_id", "e-" + text.substr(0, 3)}});
  }
  void fill() {
    say(kAnna, "talk of anna", "I live in Hamburg.");
    const EpisodeId gone = say(kAnna, "talk of anna", "My pin is 1234.");
    say(kAnna, "talk of anna", "I moved to Lisbon. \"Quoted\", and a line\nmore: \xc3\xa4\xe2\x82\xac.");
    for (int i = 0; i < 40; ++i) say(kBert, "talk of bert", "Bert counts to " + std::to_string(i) + ".");
    Document notes = document("notes.md", "# Notes\n\nThe zebra has stripes.\n\n## More\n\nThe owl has feathers.\n");
    CHECK(ingest(notes).ok(), "the document is there");
    CHECK(consolidated().ok() && embedded().ok(), "all is made");
    CHECK(erase({{"local", "", "", ""}, gone}).ok(), "one is erased");
    CHECK(embedded().ok(), "all is made");
  }
  std::vector<std::string> exported(ExportOptions options = {{"local", "", "", ""}, true}) {
    std::vector<std::string> lines;
    const auto counts = read<ExportCounts>([&](Transaction& transaction) {
      return export_memory(transaction, options, [&](const std::string& line) -> Status {
        lines.push_back(line);
        return {};
      });
    });
    CHECK(counts.ok(), counts.ok() ? "" : counts.error().text().c_str());
    return lines;
  }
  ImportReport import(const std::vector<std::string>& lines, const std::string& tenant = "local") {
    std::vector<ImportLine> numbered;
    for (const std::string& line : lines) numbered.push_back({static_cast<std::int64_t>(numbered.size()) + 1, line});
    return answered<ImportReport>([&](std::function<void(Result<ImportReport>)> on_done) {
             memory->import_lines(tenant, numbered, simulation.lane("loop"), std::move(on_done));
           })
        .value();
  }
  Result<Block> set_block(const std::string& name, const std::string& text) {
    return write<Block>([&, this](Transaction& transaction) {
      return memory->edit_block(transaction,
                                {kAnna, name, BlockEditKind::kSet, text, "", {}, Trust::kOperator, "operator"});
    });
  }
  std::string blocks() {
    const auto seen = answered<std::vector<Block>>([&](std::function<void(Result<std::vector<Block>>)> on_done) {
      memory->blocks(kAnna, simulation.lane("loop"), std::move(on_done));
    });
    return text_of(seen.value());
  }
  void expect_whole() {
    ASSERT_TRUE(embedded().ok());
    ASSERT_TRUE(consolidated().ok());
    Opened::expect_whole();
  }
};

TEST(Importer, MakesOfAnExportTheSameMemoryThatExportsTheSameBytes) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported();
  ASSERT_GT(lines.size(), 45U);
  Side to;
  const ImportReport report = to.import(lines);
  EXPECT_TRUE(report.refused.empty()) << report.refused.front().line << ": " << report.refused.front().why;
  EXPECT_EQ(report.imported.at("episode"), 42);
  EXPECT_EQ(report.imported.at("place"), 1) << "of the one that was erased";
  EXPECT_EQ(report.imported.at("document"), 1);
  to.expect_whole();
  EXPECT_EQ(to.exported(), lines);
  EXPECT_TRUE(to.memory->verify_chain("local", "talk of anna").ok());
  EXPECT_EQ(to.recalled("What has feathers?", kAll), from.recalled("What has feathers?", kAll));
  EXPECT_EQ(to.recalled("How far does bert count?", kBert), from.recalled("How far does bert count?", kBert));
  EXPECT_EQ(to.memory->facts_of("local", "anna", {}).value().facts,
            from.memory->facts_of("local", "anna", {}).value().facts);
  // What comes after goes on where the chain ended.
  to.say(kAnna, "talk of anna", "And on it goes.");
  EXPECT_TRUE(to.memory->verify_chain("local", "talk of anna").ok());
}

TEST(Importer, EmbedsAgainWhatComesWithoutVectors) {
  Side from;
  from.fill();
  Side to;
  const ImportReport report = to.import(from.exported({{"local", "", "", ""}, false}));
  EXPECT_TRUE(report.refused.empty());
  to.expect_whole();
  EXPECT_EQ(to.memory->statistics().value().vectors, from.memory->statistics().value().vectors);
  EXPECT_EQ(to.recalled("What has feathers?", kAll), from.recalled("What has feathers?", kAll));
}

TEST(Importer, HasTheTokensOfTurnsMadeThatComeWithVectors) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported();
  Side to;
  ASSERT_TRUE(to.embedded().ok());
  to.close();
  to.embedder->tells = true;
  ASSERT_TRUE(to.open().ok());
  ASSERT_TRUE(to.embedded().ok());
  ASSERT_TRUE(to.import(lines).refused.empty());
  to.expect_whole();
  EXPECT_EQ(to.number("SELECT count(*) FROM memory_vectors JOIN memory_episodes USING (entry_id)"
                      " WHERE tokens IS NULL"),
            0);
}

TEST(Importer, PassesOverWhatIsThereAndRefusesDamagedLinesByNumber) {
  Side from;
  from.fill();
  std::vector<std::string> lines = from.exported();
  Side to;
  std::vector<std::string> damaged = lines;
  const auto line_with = [&](const std::string& text) {
    return static_cast<std::size_t>(
        std::find_if(lines.begin(), lines.end(),
                     [&](const std::string& l) { return l.find(text) != std::string::npos; }) -
        lines.begin());
  };
  const std::size_t cut = line_with("counts to 3.");
  const std::size_t changed = line_with("counts to 7.");
  damaged[cut].resize(damaged[cut].size() / 2);
  damaged[changed].replace(damaged[changed].find("counts to 7."), 12, "counts to 8.");
  const ImportReport first = to.import(damaged);
  ASSERT_EQ(first.refused.size(), 37U) << "a thread has no gaps: what is behind a line that is refused is, too";
  EXPECT_EQ(first.refused[0].line, static_cast<std::int64_t>(cut) + 1);
  EXPECT_NE(first.refused[1].why.find("before it"), std::string::npos) << first.refused[1].why;
  const auto altered = std::find_if(first.refused.begin(), first.refused.end(), [&](const auto& refused) {
    return refused.line == static_cast<std::int64_t>(changed) + 1;
  });
  ASSERT_NE(altered, first.refused.end());
  EXPECT_NE(altered->why.find("hash"), std::string::npos) << altered->why;
  const ImportReport second = to.import(lines);
  EXPECT_TRUE(second.refused.empty());
  EXPECT_EQ(second.imported.at("episode"), 37) << "those that were refused";
  EXPECT_GT(second.duplicates, 7);
  to.expect_whole();
  EXPECT_EQ(to.exported(), lines);
}

TEST(Importer, DoesNotBringBackWhatWasErasedHere) {
  Side side;
  side.fill();
  const std::vector<std::string> lines = side.exported();
  const EpisodeId said = side.memory->thread(kAnna, "talk of anna", 10).value().back().id;
  ASSERT_TRUE(side.erase({{"local", "", "", ""}, said}).ok());
  const ImportReport report = side.import(lines);
  EXPECT_TRUE(report.imported.empty());
  EXPECT_TRUE(side.recalled("Who moved to Lisbon?", kAnna).empty());
}

TEST(Importer, RefusesAThreadThatGoesOnDifferentlyAndANewerFormat) {
  Side from;
  from.fill();
  Side to;
  to.say(kAnna, "talk of anna", "Another beginning.");
  const ImportReport report = to.import(from.exported());
  ASSERT_FALSE(report.refused.empty());
  EXPECT_NE(report.refused.front().why.find("talk of anna"), std::string::npos);
  EXPECT_EQ(report.refused.size(), 3U);
  EXPECT_EQ(report.imported.at("episode"), 40);
  EXPECT_TRUE(to.memory->verify_chain("local", "talk of anna").ok());
  to.expect_whole();
  const Error newer = read_export_head(R"({"mnema_memory_export":2,"tenant":"local"})").error();
  EXPECT_EQ(newer.code, ErrorCode::kUnsupported);
  EXPECT_EQ(read_export_head(R"({"type":"episode"})").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_export_head("garbage").error().code, ErrorCode::kInvalidArgument);
}

/// The lines with the first `from` behind `type` replaced.
std::vector<std::string> changed(std::vector<std::string> lines, const std::string& type, const std::string& from,
                                 const std::string& to) {
  for (std::string& line : lines) {
    const std::size_t place = line.find(from);
    if (line.find("\"type\":\"" + type + "\"") == std::string::npos || place == std::string::npos) continue;
    line.replace(place, from.size(), to);
    return lines;
  }
  ADD_FAILURE() << "no line " << type << " has " << from;
  return lines;
}

/// Its number, in a line of this type.
std::string id_in(const std::vector<std::string>& lines, const std::string& type) {
  for (const std::string& line : lines) {
    if (line.find("\"type\":\"" + type + "\"") == std::string::npos) continue;
    const std::size_t place = line.find("\"id\":");
    return line.substr(place, line.find(',', place) - place);
  }
  return {};
}

TEST(Importer, TakesNoNumberThatWouldBeTheLastOne) {
  Side from;
  from.fill();
  std::vector<std::string> lines = from.exported();
  for (const char* type : {"episode", "place", "chunk"}) {
    const std::string id = id_in(lines, type);  // before they are moved from, with every compiler
    lines = changed(std::move(lines), type, id, "\"id\":9223372036854775807");
  }
  lines = changed(std::move(lines), "document", "\"uri\"", "\"document_id\":9223372036854775807,\"uri\"");
  Side to;
  const ImportReport report = to.import(lines);
  EXPECT_TRUE(report.refused.empty()) << report.refused.front().line << ": " << report.refused.front().why;
  EXPECT_LT(to.number("SELECT max(entry_id) FROM memory_episodes"), 1'000);
  EXPECT_LT(to.number("SELECT max(document_id) FROM memory_documents"), 1'000);
  to.say(kAnna, "talk of anna", "And on it goes.");
  ASSERT_TRUE(to.ingest(document("more.md", "# More\n\nThe crow has a beak.\n")).ok());
  to.expect_whole();
}

TEST(Importer, RefusesValuesThatNothingHasByTheirLineAndTakesTheOthers) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported();
  const struct {
    const char* type;
    const char* member;
    const char* instead;
  } wrong[] = {{"episode", "\"trust\":1", "\"trust\":99"},
               {"episode", "\"kind\":0", "\"kind\":44"},
               {"episode", "\"time_us\":", "\"time_us\":9223372036854775807,\"was\":"},
               {"episode", "\"known_from_us\":", "\"known_from_us\":-9223372036854775807,\"was\":"},
               {"episode", "\"claims\":[]", "\"claims\":[{}]"},
               {"episode", "\"dimensions\":", "\"dimensions\":4611686018427387904,\"was\":"},
               {"document", "\"media_type\":", "\"media_type\":77,\"was\":"},
               {"document", "\"trust\":", "\"trust\":-1,\"was\":"},
               {"chunk", "\"ordinal\":", "\"ordinal\":-1,\"was\":"}};
  for (const auto& [type, member, instead] : wrong) {
    SCOPED_TRACE(std::string(type) + " " + instead);
    std::vector<std::string> damaged = changed(lines, type, member, instead);
    const auto place = std::mismatch(lines.begin(), lines.end(), damaged.begin()).first - lines.begin();
    Side to;
    const ImportReport report = to.import(damaged);
    ASSERT_FALSE(report.refused.empty());
    EXPECT_EQ(report.refused.front().line, place + 1);
    const ImportReport again = to.import(lines);
    EXPECT_TRUE(again.refused.empty()) << "what was refused has left nothing";
    to.expect_whole();
    EXPECT_EQ(to.exported(), lines);
  }
}

TEST(Importer, RefusesARowOfATableThatLacksAColumn) {
  Side to;
  const ImportReport report = to.import(
      {R"({"type":"folders","scope":{"agent":"","user":"","session":""},"row":{"path":"/a"}})",
       R"({"type":"folders","scope":{"agent":"","user":"","session":""},"row":{"path":"/b","name":"b","collection":"c"}})"});
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_EQ(report.refused.front().line, 1);
  EXPECT_NE(report.refused.front().why.find("name"), std::string::npos) << report.refused.front().why;
  EXPECT_EQ(report.imported.at("folders"), 1);
}

TEST(Importer, KeepsFoldersWhereOthersHaveSomeAndSaysWhereAnotherIsInTheirPlace) {
  const auto claim = [](Side& side, const std::string& tenant, const std::string& path) {
    ASSERT_TRUE(side.write<int>([&](Transaction& transaction) -> Result<int> {
                      const sources_store::FolderClaim wanted{path, "docs", "docs"};
                      const auto made = sources_store::claim_folder(transaction, {tenant, "", "", ""}, wanted, "");
                      if (!made.ok()) return made.error();
                      return 0;
                    })
                    .ok());
  };
  Side from, to;
  claim(from, "local", "/here");
  claim(to, "acme", "/there");
  const std::vector<std::string> lines = from.exported();
  EXPECT_EQ(to.import(lines).imported.at("folders"), 1);
  EXPECT_EQ(to.exported(), lines) << "numbers of others are not in it";
  EXPECT_EQ(to.import(lines).duplicates, 1);
  const ImportReport taken = to.import(lines, "acme");
  ASSERT_EQ(taken.refused.size(), 1U) << "collection 'docs' is of another folder";
  EXPECT_TRUE(taken.imported.empty());
}

TEST(Importer, TakesABlockWithItsHistoryOrNotAtAll) {
  Side from;
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(from.set_block("notes", text).ok());
  const std::vector<std::string> lines = from.exported();
  Side to;
  EXPECT_FALSE(to.memory->has_blocks());
  EXPECT_EQ(to.import(lines).imported.at("blocks"), 1);
  EXPECT_TRUE(to.memory->has_blocks()) << "turns are shown it without a new start";
  EXPECT_EQ(to.exported(), lines);
  EXPECT_EQ(to.import(lines).duplicates, 1);
  EXPECT_TRUE(to.memory->check_integrity().ok());

  Side other;
  ASSERT_TRUE(other.set_block("notes", "its own").ok());
  const ImportReport refused = other.import(lines);
  ASSERT_EQ(refused.refused.size(), 1U);
  EXPECT_NE(refused.refused[0].why.find("another text"), std::string::npos) << refused.refused[0].why;
  EXPECT_EQ(other.blocks(), "[notes]\nits own");
  EXPECT_EQ(other.set_block("notes", "changed")->version, 2) << "nothing of the other's history is in its way";
  EXPECT_TRUE(other.memory->check_integrity().ok());
}

TEST(Importer, HoldsBlocksToTheirConfiguredBounds) {
  Side large;
  large.block_limits.bytes_max = 4'000;
  large.reopen();
  const std::string text(3'000, 'x');
  ASSERT_TRUE(large.set_block("notes", text).ok());
  const std::vector<std::string> lines = large.exported();
  Side again;
  again.block_limits.bytes_max = 4'000;
  again.reopen();
  EXPECT_EQ(again.import(lines).imported.at("blocks"), 1) << "one's own export comes back";
  Side small;
  EXPECT_EQ(small.import(lines).refused.size(), 1U);
  const auto line = [](const std::string& name, const std::string& versions) {
    return R"({"type":"blocks","scope":{"agent":"bot","user":"anna","session":""},"row":{"name":")" + name +
           R"(","versions":[)" + versions + "]}}";
  };
  const auto version = [](const std::string& number) {
    return R"({"version":)" + number + R"(,"text":"a","trust":2,"changed_us":5,"changed_by":"operator"})";
  };
  const std::vector<std::string> wrong = {line("no such/name", version("1")),
                                          line("notes", ""),
                                          line("notes", version("2") + "," + version("1")),
                                          line("notes", version("0")),
                                          line("notes", version("9223372036854775807")),
                                          line("notes", R"({"version":1,"text":7})"),
                                          R"({"type":"blocks","scope":{"agent":"","user":"","session":""},"row":{}})"};
  EXPECT_EQ(small.import(wrong).refused.size(), wrong.size());
  EXPECT_EQ(small.blocks(), "");
  for (int i = 0; i < BlockLimits{}.blocks_max; ++i) {
    EXPECT_TRUE(small.import({line("b" + std::to_string(i), version("1"))}).refused.empty());
  }
  EXPECT_EQ(small.import({line("one_more", version("1"))}).refused.size(), 1U);
  EXPECT_TRUE(small.memory->check_integrity().ok());
}

TEST(Importer, LeavesDraftsOfOthersAlone) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported();
  std::vector<std::string> without_a_chunk = lines;
  const auto chunk = std::find_if(without_a_chunk.begin(), without_a_chunk.end(), [](const std::string& line) {
    return line.find("\"type\":\"chunk\"") != std::string::npos;
  });
  ASSERT_NE(chunk, without_a_chunk.end());
  without_a_chunk.erase(chunk);
  Side to;
  (void)to.import(without_a_chunk);
  EXPECT_EQ(to.number("SELECT count(*) FROM memory_documents WHERE state = 1"), 0);
  // Another, of before: at the next start both are given up, one behind the other.
  to.execute(
      "INSERT INTO memory_documents (scope_id, state, uri, collection, title, media_type, trust, content_hash,"
      " cut, chunks, modified_us, ingested_us) SELECT scope_id, 2, uri, collection, title, media_type, trust,"
      " content_hash, cut, chunks, modified_us, ingested_us FROM memory_documents");
  to.reopen();
  EXPECT_TRUE(to.import(lines).refused.empty());
  to.simulation.run_until_idle(std::chrono::seconds(3));
  EXPECT_EQ(to.number("SELECT count(*) FROM memory_documents WHERE state = 1"), 1);
  EXPECT_EQ(to.number("SELECT count(*) FROM memory_documents WHERE state >= 2"), 0);
  to.expect_whole();
  EXPECT_EQ(to.exported().size(), lines.size()) << "numbers may differ: those of what was being cleared were taken";
}

TEST(Importer, WithoutAnEmbedderTakesVectorsOnlyOfTheOneThatTheFolderHas) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported();
  Fixture without;
  NoEmbedder none;
  const auto opened = MemoryStore::open(*without.database, none,
                                        {without.simulation.lane("queries"), without.simulation.lane("background")},
                                        without.simulation.clock(), without.simulation.random(), {});
  ASSERT_TRUE(opened.ok());
  std::vector<ImportLine> numbered;
  for (const std::string& line : lines) numbered.push_back({static_cast<std::int64_t>(numbered.size()) + 1, line});
  const auto report = without.answered<ImportReport>([&](std::function<void(Result<ImportReport>)> on_done) {
    (*opened)->import_lines("local", numbered, without.simulation.lane("loop"), std::move(on_done));
  });
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_TRUE(report->refused.empty());
  EXPECT_EQ(without.number("SELECT count(*) FROM memory_embedders"), 0) << "a file does not say which embedder it is";
  EXPECT_EQ(without.number("SELECT count(*) FROM memory_vectors"), 0);
  (*opened)->close();
  without.simulation.run_until_idle(std::chrono::seconds(1));
}

TEST(Importer, TakesAUsersExportIntoAnotherTenantWhereOthersAreInUse) {
  Side from;
  from.fill();
  const std::vector<std::string> lines = from.exported({{"local", "", "anna", ""}, true});
  for (const std::string& line : lines) EXPECT_EQ(line.find("Bert"), std::string::npos) << line;
  Side to;
  to.say({"acme", "", "carl", ""}, "talk of carl", "Carl was here first.");
  const ImportReport report = to.import(lines, "acme");
  EXPECT_TRUE(report.refused.empty());
  EXPECT_EQ(report.imported.at("episode"), 2);
  to.expect_whole();
  EXPECT_FALSE(to.recalled("Who moved to Lisbon?", {"acme", "bot", "anna", ""}).empty());
  EXPECT_TRUE(to.memory->verify_chain("acme", "talk of anna").ok());
}

}  // namespace
}  // namespace mnema
