#include "cli/bench/memory_bench.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "agents/host/engine_embedder.hpp"
#include "cli/bench/embedding_load.hpp"
#include "cli/bench/process_usage.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/local_engine.hpp"
#include "memory/documents/token_estimate.hpp"
#include "memory/store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

constexpr const char* kTenant = "bench";
constexpr int kTurnsPerUnit = 64;
constexpr int kHitsMax = 100;
constexpr const char* kRecallThread = "recall";
constexpr std::size_t kQuestionsTimed = 1'000;
constexpr std::size_t kTextsWaiting = 256;
constexpr std::size_t kLongTextBytes = 1'800;  // about as many tokens as an encoder of the catalogue reads at once

template <class T>
Result<T> wait_for(const std::function<void(std::function<void(Result<T>)>)>& start) {
  std::promise<Result<T>> done;
  start([&done](Result<T> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

/// Texts that are remembered for several users are embedded once. Questions are embedded each time.
class SharingEmbedder final : public Embedder {
 public:
  explicit SharingEmbedder(Embedder& inner) : inner_(inner) {}
  [[nodiscard]] std::string id() const override { return inner_.id(); }
  [[nodiscard]] int dimensions() const override { return inner_.dimensions(); }
  [[nodiscard]] bool tells_tokens() const override { return inner_.tells_tokens(); }

  void embed(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    if (interactive) return inner_.embed(std::move(texts), kind, true, reply_to, std::move(on_done));
    embed_with_tokens(std::move(texts), kind, false, reply_to, [on_done = std::move(on_done)](auto embedded) {
      if (!embedded.ok()) return on_done(embedded.error());
      std::vector<std::vector<float>> vectors;
      for (EmbeddedText& text : *embedded) vectors.push_back(std::move(text.vector));
      on_done(std::move(vectors));
    });
  }

  void embed_with_tokens(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                         std::function<void(Result<std::vector<EmbeddedText>>)> on_done) override {
    if (interactive) return inner_.embed_with_tokens(std::move(texts), kind, true, reply_to, std::move(on_done));
    std::vector<std::string> missing;
    {
      const std::scoped_lock lock(mutex_);
      std::set<std::string> seen;
      for (const std::string& text : texts) {
        if (known_.count(text) == 0 && seen.insert(text).second) missing.push_back(text);
      }
    }
    if (missing.empty()) return reply_to.post([on_done, embedded = of(texts)] { on_done(embedded); });
    inner_.embed_with_tokens(missing, kind, false, reply_to,
                             [this, texts, missing, on_done = std::move(on_done)](auto made) {
                               if (!made.ok()) return on_done(made.error());
                               {
                                 const std::scoped_lock lock(mutex_);
                                 for (std::size_t i = 0; i < missing.size() && i < made->size(); ++i) {
                                   known_[missing[i]] = std::move((*made)[i]);
                                 }
                               }
                               on_done(of(texts));
                             });
  }

 private:
  std::vector<EmbeddedText> of(const std::vector<std::string>& texts) {
    const std::scoped_lock lock(mutex_);
    std::vector<EmbeddedText> embedded;
    for (const std::string& text : texts) embedded.push_back(known_[text]);
    return embedded;
  }

  Embedder& inner_;
  std::mutex mutex_;
  std::unordered_map<std::string, EmbeddedText> known_;  // under mutex_
};

Scope scope_of(std::size_t user) { return {kTenant, "", "user-" + std::to_string(user), ""}; }

Episode episode_of(const Conversation& conversation, const ConversationTurn& turn, std::size_t user) {
  Episode episode;
  episode.scope = scope_of(user);
  episode.thread = conversation.name + "/" + std::to_string(user) + "/" + std::to_string(turn.session);
  episode.role = turn.speaker;
  episode.text = turn.text;
  episode.time = turn.time;
  episode.trust = Trust::kUser;
  return episode;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// The speakers, most talkative first.
std::vector<std::string> speakers_of(const Conversation& conversation) {
  std::map<std::string, std::size_t> turns;
  for (const ConversationTurn& turn : conversation.turns) ++turns[turn.speaker];
  std::vector<std::string> names;
  for (const auto& [name, count] : turns) names.push_back(name);
  std::stable_sort(names.begin(), names.end(), [&](const auto& a, const auto& b) { return turns[a] > turns[b]; });
  return names;
}

class MemoryBench {
 public:
  MemoryBench(const MemoryBenchOptions& options, const std::vector<Conversation>& conversations, const Clock& clock)
      : options_(options), conversations_(conversations), clock_(clock) {}
  ~MemoryBench() {
    if (memory_) memory_->close();
    if (database_) database_->close();
    if (engine_) engine_->stop();
    for (ThreadPoolExecutor* pool : {&queries_, &background_, &replies_, &compute_, &prepare_, &store_}) pool->stop();
  }
  MemoryBench(const MemoryBench&) = delete;
  MemoryBench& operator=(const MemoryBench&) = delete;

  Result<MemoryBenchResult> run() {
    RETURN_IF_ERROR(open());
    const MonotonicTime begin = clock_.monotonic_now();
    RETURN_IF_ERROR(remember_all());
    result_.ingest_s = static_cast<double>((clock_.monotonic_now() - begin).count()) / 1e6;
    RETURN_IF_ERROR(options_.timed ? time_all() : ask_all());
    return std::move(result_);
  }

 private:
  Status open() {
    EngineOptions engine_options;
    engine_options.embedding_model = options_.embedding_model;
    engine_options.model = options_.tokenizer_model;
    engine_options.threads = options_.threads;
    engine_options.keep_alive_ms = 0;
    engine_ = std::make_unique<LocalEngine>(engine_options, LocalEngine::Executors{compute_, prepare_},
                                            cpu_model_loader(engine_options, limits_), clock_, random_, limits_);
    const std::string& model = options_.embedding_model;
    const auto probe = wait_for<Embeddings>(
        [&](auto done) { engine_->embed(model, {"probe"}, Priority::kInteractive, replies_, std::move(done)); });
    if (!probe.ok()) return probe.error();
    const auto dimensions = static_cast<int>(probe->vectors.front().size());
    encoder_ = std::make_unique<EngineEmbedder>(*engine_, model, embedding_id(model), dimensions);
    sharing_ = std::make_unique<SharingEmbedder>(*encoder_);
    counts_tokens_ = engine_->tokenize(options_.tokenizer_model, "probe", false, false).ok();
    result_.tokens_by = counts_tokens_ ? options_.tokenizer_model : "estimate";
    Database::Options file;
    file.path = options_.folder + "/memory.db";
    file.checkpoint = &background_;
    ASSIGN_OR_RETURN(database_, Database::open(file, memory_migrations(), store_, clock_));
    MemoryStore::Options memory;
    memory.index_folder = options_.folder + "/indexes";
    memory.limits = limits_;
    Embedder& embedder = options_.users > 0 ? static_cast<Embedder&>(*sharing_) : *encoder_;
    ASSIGN_OR_RETURN(memory_,
                     MemoryStore::open(*database_, embedder, {queries_, background_}, clock_, random_, memory));
    return {};
  }

  [[nodiscard]] std::size_t users() const {
    return options_.users > 0 ? static_cast<std::size_t>(options_.users) : conversations_.size();
  }
  [[nodiscard]] const Conversation& of_user(std::size_t user) const {
    return conversations_[user % conversations_.size()];
  }

  Status remember_all() {
    for (std::size_t user = 0; user < users(); ++user) result_.entries += of_user(user).turns.size();
    ASSIGN_OR_RETURN(const MemoryStatistics there, memory_->statistics());
    if (there.episodes != 0 && there.episodes != static_cast<std::int64_t>(result_.entries)) {
      return fail(ErrorCode::kInvalidArgument, options_.folder + " has other conversations in it",
                  "give another folder");
    }
    for (std::size_t user = 0; there.episodes == 0 && user < users(); ++user) {
      RETURN_IF_ERROR(remember(of_user(user), user));
    }
    const auto embedded = wait_for<std::int64_t>([&](auto done) { memory_->when_embedded(replies_, std::move(done)); });
    if (!embedded.ok()) return embedded.error();
    return {};
  }

  Status remember(const Conversation& conversation, std::size_t user) {
    for (std::size_t from = 0; from < conversation.turns.size(); from += kTurnsPerUnit) {
      const std::size_t to = std::min(conversation.turns.size(), from + kTurnsPerUnit);
      const auto written = database_->write_and_wait<int>([&](Transaction& transaction) -> Result<int> {
        for (std::size_t i = from; i < to; ++i) {
          const auto id = memory_->append_episode(transaction, episode_of(conversation, conversation.turns[i], user));
          if (!id.ok()) return id.error();
        }
        return 0;
      });
      if (!written.ok()) return written.error();
    }
    return {};
  }

  Result<Recalled> recall(RecallQuery query) {
    return wait_for<Recalled>([&](auto done) { memory_->recall(std::move(query), replies_, std::move(done)); });
  }

  Status ask_all() {
    for (std::size_t user = 0; user < conversations_.size() && user < users(); ++user) {
      const Conversation& conversation = of_user(user);
      turn_at_.clear();
      std::map<int, std::int64_t> sequences;
      for (const ConversationTurn& turn : conversation.turns) {
        turn_at_[{episode_of(conversation, turn, user).thread, ++sequences[turn.session]}] = turn.id;
      }
      for (const ConversationQuestion& question : conversation.questions) {
        if (!question.evidence.empty()) RETURN_IF_ERROR(ask(question, user));
      }
    }
    const auto count = static_cast<double>(result_.all.n);
    if (result_.all.n == 0) return fail(ErrorCode::kInvalidArgument, "no question has evidence in its conversation");
    average(result_.all);
    for (auto& [category, shares] : result_.by_category) average(shares);
    for (double& share : result_.evidence_at_tokens) share /= count;
    Abstentions& none = result_.abstentions;
    for (double* share : {&none.own, &none.foreign, &none.foreign_names}) *share /= static_cast<double>(none.n);
    result_.question_to_hits = latency_of(std::move(waits_));
    result_.search = latency_of(std::move(searches_));
    return {};
  }

  /// As an agent asks: with its own conversation left out, and while texts wait for their vectors.
  Status time_all() {
    RETURN_IF_ERROR(time_questions("alone", false));
    RETURN_IF_ERROR(time_questions("one thread left out", true));
    std::vector<std::string> long_texts;
    for (std::size_t i = 0; i < kTextsWaiting; ++i) {
      std::string text;
      const std::vector<ConversationTurn>& turns = conversations_[i % conversations_.size()].turns;
      for (std::size_t k = 0; text.size() < kLongTextBytes; ++k) text += turns[(i + k) % turns.size()].text + "\n";
      long_texts.push_back(text.substr(0, kLongTextBytes));
    }
    const EmbeddingLoad load(*encoder_, replies_, long_texts);
    return time_questions("one thread left out, behind " + std::to_string(kTextsWaiting) + " long texts", true);
  }

  Status time_questions(const std::string& situation, bool leave_out) {
    waits_.clear();
    searches_.clear();
    const long long cpu_before = cpu_ns_by_thread()[kRecallThread];
    for (std::size_t user = 0; user < users() && waits_.size() < kQuestionsTimed; ++user) {
      const Conversation& conversation = of_user(user);
      // Other users' questions are other texts, or their vectors would be there already.
      for (std::size_t i = user; i < conversation.questions.size(); i += std::max<std::size_t>(1, users() / 4)) {
        RecallQuery query;
        query.scope = scope_of(user);
        query.text = conversation.questions[i].text + " (" + situation + ")";
        if (leave_out) query.thread_excluded = episode_of(conversation, conversation.turns.back(), user).thread;
        const MonotonicTime begin = clock_.monotonic_now();
        ASSIGN_OR_RETURN(const Recalled recalled, recall(query));
        waits_.push_back(clock_.monotonic_now() - begin);
        searches_.push_back(Duration(recalled.statistics.search_us));
        if (!recalled.statistics.without_vectors_because.empty()) {
          return fail(ErrorCode::kUnavailable,
                      "a question has no vector: " + recalled.statistics.without_vectors_because);
        }
      }
    }
    if (waits_.empty()) return fail(ErrorCode::kInvalidArgument, "there is no question");
    const double questions = static_cast<double>(waits_.size());
    result_.timed.push_back({situation, latency_of(std::move(waits_)), latency_of(std::move(searches_)),
                             static_cast<double>(cpu_ns_by_thread()[kRecallThread] - cpu_before) / 1e6 / questions});
    return {};
  }

  static void average(RecallShares& shares) {
    for (double& share : shares.at) share /= static_cast<double>(shares.n);
  }

  Status ask(const ConversationQuestion& question, std::size_t user) {
    RecallQuery query;
    query.scope = scope_of(user);
    query.text = question.text;
    query.hits_max = kHitsMax;
    query.relevance_min = 0;
    query.explain = query.explain_dropped = static_cast<bool>(options_.on_candidates);
    const MonotonicTime begin = clock_.monotonic_now();
    ASSIGN_OR_RETURN(const Recalled recalled, recall(query));
    waits_.push_back(clock_.monotonic_now() - begin);
    searches_.push_back(Duration(recalled.statistics.search_us));
    count_evidence(question, recalled);
    if (options_.on_candidates) {
      std::vector<std::string> turns;
      for (const auto* list : {&recalled.hits, &recalled.dropped}) {
        for (const RecallHit& hit : *list) turns.push_back(turn_of(hit));
      }
      options_.on_candidates(question, turns, recalled);
    }
    return ask_elsewhere(query, user);
  }

  /// The same question by the product's own cut, of its conversation and of the next.
  Status ask_elsewhere(RecallQuery query, std::size_t user) {
    query.relevance_min.reset();
    query.explain = query.explain_dropped = false;
    query.hits_max = 1;
    Abstentions& none = result_.abstentions;
    ++none.n;
    ASSIGN_OR_RETURN(const Recalled own, recall(query));
    none.own += own.hits.empty() ? 1 : 0;
    RETURN_IF_ERROR(tell_best(query, false));
    if (conversations_.size() < 2 || users() < 2) return {};
    const std::size_t other = (user + 1) % std::min(conversations_.size(), users());
    query.scope = scope_of(other);
    RETURN_IF_ERROR(tell_best(query, true));
    ASSIGN_OR_RETURN(const Recalled foreign, recall(query));
    none.foreign += foreign.hits.empty() ? 1 : 0;
    const std::vector<std::string> from = speakers_of(of_user(user));
    const std::vector<std::string> to = speakers_of(of_user(other));
    for (std::size_t i = 0; i < from.size() && i < to.size(); ++i) replace_all(query.text, from[i], to[i]);
    ASSIGN_OR_RETURN(const Recalled renamed, recall(query));
    none.foreign_names += renamed.hits.empty() ? 1 : 0;
    return {};
  }

  Status tell_best(RecallQuery query, bool foreign) {
    if (!options_.on_best) return {};
    query.relevance_min = 0;
    query.hits_max = kHitsMax;
    ASSIGN_OR_RETURN(const Recalled recalled, recall(query));
    BestCandidate best{foreign, -1, 0};
    for (const RecallHit& hit : recalled.hits) {
      const HitExplanation& why = hit.explanation;
      if (why.cosine + why.words_share / 2 <= best.cosine + best.words_share / 2) continue;
      best.cosine = why.cosine;
      best.words_share = why.words_share;
    }
    options_.on_best(best);
    return {};
  }

  [[nodiscard]] std::string turn_of(const RecallHit& hit) const {
    const auto found = turn_at_.find({hit.source.thread, hit.source.sequence});
    return found == turn_at_.end() ? std::string() : found->second;
  }

  void count_evidence(const ConversationQuestion& question, const Recalled& recalled) {
    const std::set<std::string> wanted(question.evidence.begin(), question.evidence.end());
    const auto share = [&](std::size_t found) {
      return static_cast<double>(found) / static_cast<double>(wanted.size());
    };
    RecallShares& category = result_.by_category[question.category];
    ++result_.all.n;
    ++category.n;
    for (std::size_t cut = 0; cut < kRecallCuts.size(); ++cut) {
      std::size_t found = 0;
      for (std::size_t i = 0; i < recalled.hits.size() && i < static_cast<std::size_t>(kRecallCuts[cut]); ++i) {
        found += wanted.count(turn_of(recalled.hits[i]));
      }
      result_.all.at[cut] += share(found);
      category.at[cut] += share(found);
    }
    for (std::size_t budget = 0; budget < kTokenBudgets.size(); ++budget) {
      // As agents/turn/context_builder.cpp lays passages out: best first, and one that does not fit is passed over.
      auto left = static_cast<std::size_t>(kTokenBudgets[budget]);
      std::size_t found = 0;
      std::size_t number = 0;
      for (const RecallHit& hit : recalled.hits) {
        const std::size_t tokens =
            tokens_of("[" + std::to_string(number + 1) + "] " + hit.source.citation() + "\n" + hit.text + "\n\n");
        if (tokens > left) continue;
        left -= tokens;
        ++number;
        found += wanted.count(turn_of(hit));
      }
      result_.evidence_at_tokens[budget] += share(found);
    }
  }

  std::size_t tokens_of(const std::string& text) {
    const auto [known, is_new] = tokens_.try_emplace(text, 0);
    if (is_new) {
      const auto made = counts_tokens_ ? engine_->tokenize(options_.tokenizer_model, text, false, false)
                                       : Result<std::vector<TokenId>>(Error{});
      known->second = made.ok() ? made->size() : tokens_in(text);
    }
    return known->second;
  }

  const MemoryBenchOptions& options_;
  const std::vector<Conversation>& conversations_;
  const Clock& clock_;
  const Limits limits_;
  SystemRandom random_;
  ThreadPoolExecutor store_{"store", 1};
  ThreadPoolExecutor compute_{"compute", 1};
  ThreadPoolExecutor prepare_{"prepare", 1};
  ThreadPoolExecutor background_{"background", 1};
  ThreadPoolExecutor queries_{kRecallThread, 1};
  ThreadPoolExecutor replies_{"replies", 1};
  std::unique_ptr<LocalEngine> engine_;
  std::unique_ptr<EngineEmbedder> encoder_;
  std::unique_ptr<SharingEmbedder> sharing_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<MemoryStore> memory_;
  bool counts_tokens_ = false;
  std::unordered_map<std::string, std::size_t> tokens_;
  std::map<std::pair<std::string, std::int64_t>, std::string> turn_at_;  // (thread, sequence) -> id, of who is asked
  std::vector<Duration> waits_;
  std::vector<Duration> searches_;
  MemoryBenchResult result_;
};

}  // namespace

Result<MemoryBenchResult> run_memory_bench(const MemoryBenchOptions& options,
                                           const std::vector<Conversation>& conversations, const Clock& clock) {
  if (conversations.empty()) return fail(ErrorCode::kInvalidArgument, "there is no conversation to ask about");
  return MemoryBench(options, conversations, clock).run();
}

}  // namespace mnema
