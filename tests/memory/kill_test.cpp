#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "memory/export/exporter.hpp"
#include "memory/store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/memory/temporary_folder.hpp"
#include "tests/memory/word_embedder.hpp"

// A process that remembers, changes, erases, saves, rebuilds and consolidates is killed with -9, again and again, over
// the same folder. What it was told to be done stands in a journal of the test's own, outside of the folder.
// `./dev campaign memory` kills more often.

namespace mnema {
namespace {

using testing::TemporaryFolder;
using testing::WordEmbedder;

template <class T>
Result<T> wait_for(const std::function<void(std::function<void(Result<T>)>)>& start) {
  std::promise<Result<T>> done;
  start([&done](Result<T> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

/// Memory over a folder, in this process.
class Open {
 public:
  explicit Open(const std::string& folder) {
    Database::Options options;
    options.path = folder + "/mnema.db";
    options.checkpoint_interval = std::chrono::milliseconds(5);
    auto opened = Database::open(std::move(options), memory_migrations(), store, clock);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    database = std::move(*opened);
    MemoryStore::Options memory_options;
    memory_options.index_folder = folder + "/indexes";
    memory_options.limits.exact_search_vectors_max = 32;  // so that there are graphs
    memory_options.erasing.rows_max = 60;
    memory_options.consolidation.quiet = std::chrono::milliseconds(1);
    auto made = MemoryStore::open(*database, embedder, {queries, background}, clock, random, std::move(memory_options));
    CHECK(made.ok(), made.ok() ? "" : made.error().text().c_str());
    memory = std::move(*made);
    memory->start_erasures({});
  }
  ~Open() {
    memory->close();
    background.stop();
    queries.stop();
    memory.reset();
    database->close();
    store.stop();
  }
  void settle() {
    CHECK(wait_for<std::int64_t>([&](auto done) { memory->when_embedded(queries, std::move(done)); }).ok(), "embedded");
    CHECK(wait_for<void>([&](auto done) { memory->when_consolidated(queries, std::move(done)); }).ok(), "consolidated");
    CHECK(finish_erasures().ok(), "every erasure ends");
  }
  Status finish_erasures() {
    ASSIGN_OR_RETURN(const std::vector<Erasure> asked, memory->eraser().list("", 1'000));
    for (const Erasure& erasure : asked) {
      const auto ended =
          wait_for<Erasure>([&](auto done) { memory->eraser().when_finished(erasure.id, queries, std::move(done)); });
      if (!ended.ok()) return ended.error();
    }
    return {};
  }

  SystemClock clock;
  SystemRandom random;
  WordEmbedder embedder{"words/1", 32};
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor background{"background", 1};
  ThreadPoolExecutor queries{"queries", 1};
  std::unique_ptr<Database> database;
  std::unique_ptr<MemoryStore> memory;
};

std::string word_of(int round, int number) {
  return "xq" + std::to_string(round) + "word" + std::to_string(number) + "x";
}

/// What the child does until it is killed. Each line of `told` is something that it was told to be done.
[[noreturn]] void work(const std::string& folder, const std::string& told_file, int round) {
  Open open(folder);
  std::ofstream told(told_file, std::ios::app);
  std::mt19937_64 draw(static_cast<std::uint64_t>(round));
  const auto tell = [&](const std::string& line) { told << line + "\n" << std::flush; };
  for (int number = 0;; ++number) {
    const std::string user = "user" + std::to_string(draw() % 4);
    Episode episode;
    episode.scope = {"local", "", user, ""};
    episode.thread = "talk of " + user;
    episode.role = "user";
    episode.text = "I live in Hamburg, says " + word_of(round, number) + ".";
    episode.trust = Trust::kUser;
    const auto said =
        wait_for<EpisodeId>([&](auto done) { open.memory->remember(episode, open.queries, std::move(done)); });
    if (said.ok()) tell("said " + user + " " + word_of(round, number));
    switch (draw() % 12) {
      case 0: {  // a new version of a document
        Document document;
        document.scope = {"local", "", "", ""};
        document.uri = "notes.md";
        document.media_type = MediaType::kMarkdown;
        document.bytes = "# Notes\n\nVersion " + std::to_string(round * 1'000 + number) + " of the zebra.\n";
        (void)wait_for<IngestReport>(
            [&](auto done) { open.memory->ingest_document(document, open.queries, std::move(done)); });
        break;
      }
      case 1: {
        // From the request on it is carried out, whatever happens: so all before it has gone, or goes.
        const std::string gone = "user" + std::to_string(draw() % 4);
        tell("erasing " + gone);
        const auto asked = wait_for<Erasure>([&](auto done) {
          open.memory->eraser().request({{"local", "", gone, ""}}, open.queries, std::move(done));
        });
        if (asked.ok()) tell("erased " + gone);
        // An earlier one may end later, where a reader of the file kept it waiting, and takes what was said until then.
        if (draw() % 2 == 0 && open.finish_erasures().ok()) tell("finished all");
        break;
      }
      case 2:
        (void)open.memory->save_indexes();
        break;
      case 3:
        (void)wait_for<void>([&](auto done) { open.memory->rebuild("local", open.queries, std::move(done)); });
        break;
      case 4:
        (void)wait_for<void>([&](auto done) { open.memory->when_consolidated(open.queries, std::move(done)); });
        break;
      default:
        break;
    }
  }
}

struct Told {
  std::set<std::string> there;    // said, and not erased since
  std::set<std::string> gone;     // erased since
  std::set<std::string> either;   // said while an erasure was under way, or before one that nobody confirmed
  std::set<std::string> erasing;  // users
  std::map<std::string, std::string> owner_of;  // word -> user
};

Told read_told(const std::string& file) {
  Told told;
  std::ifstream in(file);
  std::string what, user, word;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    words >> what >> user;
    if (what == "said" && words >> word) {
      (told.erasing.contains(user) ? told.either : told.there).insert(word);
      told.owner_of[word] = user;
    } else if (what == "finished") {
      told.erasing.clear();
    } else {
      told.erasing.insert(user);
      for (const auto& [said, owner] : told.owner_of) {
        if (owner != user) continue;
        const bool was_there = told.there.erase(said) + told.either.erase(said) > 0;
        if (was_there) (what == "erased" ? told.gone : told.either).insert(said);
      }
    }
  }
  return told;
}

std::string all_bytes(const std::string& folder) {
  std::string bytes;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::stringstream one;
    one << std::ifstream(file.path(), std::ios::binary).rdbuf();
    bytes += one.str();
  }
  return bytes;
}

std::string remembered(Open& open) {
  std::string text;
  const auto exported = open.database->read<ExportCounts>([&](Transaction& transaction) {
    return export_memory(transaction, {{"local", "", "", ""}, false}, [&](const std::string& line) -> Status {
      text += line;
      return {};
    });
  });
  return exported.ok() || exported.error().code == ErrorCode::kNotFound ? text : exported.error().text();
}

TEST(KilledMemory, LosesNothingThatWasAcknowledgedAndKeepsNothingThatWasErased) {
  if (std::getenv("MNEMA_SANITIZED") != nullptr) GTEST_SKIP() << "sanitizers see threads that a fork leaves behind";
  const int kills = std::getenv("MNEMA_CAMPAIGN") != nullptr ? 200 : 20;
  TemporaryFolder outside;
  TemporaryFolder folder;
  const std::string told_file = outside / "told";
  std::mt19937_64 draw(11);
  for (int round = 1; round <= kills; ++round) {
    SCOPED_TRACE(round);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(folder.path(), told_file, round);
    usleep(static_cast<useconds_t>(150'000 + draw() % 500'000));
    ASSERT_EQ(kill(child, SIGKILL), 0) << "it ended by itself";
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it died of something else";
    if (round % 4 != 0 && round != kills) continue;
    // Looked at in a process of its own too: threads and forks do not mix.
    const pid_t judge = fork();
    if (judge == 0) {
      const Told told = read_told(told_file);
      int wrong = 0;
      {
        Open open(folder.path());
        open.settle();
        const Status whole = open.memory->check_integrity();
        if (!whole.ok()) ++wrong, std::fprintf(stderr, "%s\n", whole.error().text().c_str());
        const std::string text = remembered(open);
        for (const std::string& word : told.there) {
          if (text.find(word) == std::string::npos) ++wrong, std::fprintf(stderr, "lost: %s\n", word.c_str());
        }
        for (const std::string& word : told.gone) {
          if (text.find(word) != std::string::npos) ++wrong, std::fprintf(stderr, "not erased: %s\n", word.c_str());
        }
      }
      const std::string bytes = all_bytes(folder.path());
      for (const std::string& word : told.gone) {
        if (bytes.find(word) != std::string::npos) ++wrong, std::fprintf(stderr, "in a file: %s\n", word.c_str());
      }
      std::ofstream(told_file, std::ios::app) << "finished all\n" << std::flush;
      _exit(wrong == 0 ? 0 : 1);
    }
    ASSERT_EQ(waitpid(judge, &status, 0), judge);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "round " << round << ": see above";
  }
  const Told told = read_told(told_file);
  EXPECT_GT(told.there.size() + told.gone.size(), static_cast<std::size_t>(kills));
  EXPECT_GT(told.gone.size(), 0U) << "something was erased";
}

TEST(KilledMemory, RefusesOrRebuildsWhateverIsDamagedAndNeverServesIt) {
  if (std::getenv("MNEMA_SANITIZED") != nullptr) GTEST_SKIP() << "sanitizers see threads that a fork leaves behind";
  const int damages = std::getenv("MNEMA_CAMPAIGN") != nullptr ? 300 : 30;
  TemporaryFolder folder;
  const pid_t maker = fork();
  if (maker == 0) {
    {
      Open open(folder.path());
      for (int i = 0; i < 120; ++i) {
        Episode episode;
        episode.scope = {"local", "", "anna", ""};
        episode.thread = "talk";
        episode.role = "user";
        episode.text = "I live in Hamburg, says " + word_of(0, i) + ".";
        episode.trust = Trust::kUser;
        (void)wait_for<EpisodeId>([&](auto done) { open.memory->remember(episode, open.queries, std::move(done)); });
      }
      open.settle();
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(maker, &status, 0), maker);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (file.is_regular_file() && file.file_size() > 0) {
      files.push_back(std::filesystem::relative(file.path(), folder.path()).string());
    }
  }
  ASSERT_GE(files.size(), 2U);
  std::mt19937_64 draw(5);
  int refused = 0, whole = 0;
  for (int i = 0; i < damages; ++i) {
    SCOPED_TRACE(i);
    TemporaryFolder copy;
    std::filesystem::copy(folder.path(), copy.path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    const std::string name = files[draw() % files.size()];
    std::string bytes = copy.read(name);
    if (draw() % 3 == 0) {
      bytes.resize(1 + draw() % (bytes.size() - 1));
    } else {
      bytes[draw() % bytes.size()] ^= static_cast<char>(1U << (draw() % 8));
    }
    copy.write(name, bytes);
    const pid_t judge = fork();
    if (judge == 0) {
      SystemClock clock;
      ThreadPoolExecutor store{"store", 1};
      Database::Options options;
      options.path = copy / "mnema.db";
      {
        const auto database = Database::open(options, memory_migrations(), store, clock);
        if (!database.ok()) _exit(2);  // refused, with a reason
        (*database)->close();
      }
      Open open(copy.path());
      open.settle();
      if (!open.memory->check_integrity().ok()) _exit(3);
      const std::string text = remembered(open);
      for (int word = 0; word < 120; ++word) {
        if (text.find(word_of(0, word)) == std::string::npos) _exit(4);
      }
      _exit(0);
    }
    ASSERT_EQ(waitpid(judge, &status, 0), judge);
    ASSERT_TRUE(WIFEXITED(status)) << name << ": it crashed";
    const int end = WEXITSTATUS(status);
    EXPECT_TRUE(end == 0 || end == 2) << name << ": " << end;
    ++(end == 0 ? whole : refused);
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(whole, 0) << "a damaged index file costs nothing";
}

}  // namespace
}  // namespace mnema
