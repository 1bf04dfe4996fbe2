#include "cli/bench/answers_bench.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "agents/agent_chat.hpp"
#include "agents/host.hpp"
#include "agents/turn/citations.hpp"
#include "examples/quickstart.hpp"
#include "memory/store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

constexpr const char* kAgent = "assistant";
constexpr Duration kVectorsPoll = std::chrono::milliseconds(20);

double ms_between(MonotonicTime begin, MonotonicTime end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

/// A host that serves on a thread of its own until this is destroyed.
class Served {
 public:
  explicit Served(Host& host) : host_(host), thread_([&host] { host.run(); }) {}
  ~Served() {
    host_.stop();
    thread_.join();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

 private:
  Host& host_;
  std::thread thread_;
};

Status read_documents(MemoryStore& memory, const std::string& folder, Executor& reply_to) {
  FolderSource source;
  source.scope.tenant = Identity{}.tenant;
  source.path = folder;
  std::promise<Result<IngestReport>> done;
  memory.ingest_folder(std::move(source), reply_to, {},
                       [&done](Result<IngestReport> report) { done.set_value(std::move(report)); });
  const Result<IngestReport> report = done.get_future().get();
  if (!report.ok()) return report.error();
  if (report->chunks == 0) return fail(ErrorCode::kNotFound, "there is no document in " + folder);
  for (;;) {
    ASSIGN_OR_RETURN(const MemoryStatistics statistics, memory.statistics());
    if (statistics.vectors_pending == 0) return {};
    std::this_thread::sleep_for(kVectorsPoll);
  }
}

class Questions {
 public:
  Questions(Host& host, const Clock& clock) : chats_(host.runtime()), clock_(clock) {}

  JudgedAnswer ask(const AnswerQuestion& question) {
    JudgedAnswer judged;
    judged.ask = question.ask;
    judged.answerable = question.answerable;
    ChatRequest request;
    request.generate.model = kAgent;
    request.generate.prompt.messages.push_back(message_of(Role::kUser, question.ask));
    request.generate.scope.tenant = request.identity.tenant;
    std::promise<Result<Completion>> done;
    MonotonicTime first{};
    ChatCallbacks callbacks;
    callbacks.on_delta = [&](const Delta& delta) {
      if (first == MonotonicTime{} && !delta.text.empty()) first = clock_.monotonic_now();
    };
    callbacks.on_done = [&](Result<Completion> completion) { done.set_value(std::move(completion)); };
    const MonotonicTime begin = clock_.monotonic_now();
    const auto run = chats_.start_chat(std::move(request), replies_, std::move(callbacks));
    const Result<Completion> answer = done.get_future().get();
    const MonotonicTime end = clock_.monotonic_now();
    judged.whole_ms = ms_between(begin, end);
    judged.first_text_ms = ms_between(begin, first == MonotonicTime{} ? end : first);
    if (!answer.ok()) {
      judged.error = answer.error().text();
      return judged;
    }
    judged.text = answer->text;
    for (const UrlCitation& annotation : answer->annotations) {
      if (std::find(judged.urls.begin(), judged.urls.end(), annotation.url) == judged.urls.end()) {
        judged.urls.push_back(annotation.url);
      }
    }
    judged.refused = is_refusal(answer->text);
    judged.right = question.answerable && !judged.refused && has_facts(question, answer->text);
    judged.cited = cites_document(question, judged.urls);
    judged.loop = !answer->note.empty();
    judged.prompt_tokens = answer->usage.prompt_tokens;
    judged.completion_tokens = answer->usage.completion_tokens;
    return judged;
  }

 private:
  ThreadPoolExecutor replies_{"replies", 1};
  AgentChat chats_;
  const Clock& clock_;
};

}  // namespace

int AnswersBenchResult::count(const std::function<bool(const JudgedAnswer&)>& wanted) const {
  return static_cast<int>(std::count_if(answers.begin(), answers.end(), wanted));
}

Result<AnswersBenchResult> run_answers_bench(const AnswersBenchOptions& options,
                                             const std::vector<AnswerQuestion>& questions, const Clock& clock,
                                             const std::function<void(const JudgedAnswer&)>& on_answer) {
  Config config;
  config.server.data = options.folder + "/data";
  config.server.port = 0;
  config.inference.model = options.model;
  config.inference.threads = options.threads;
  config.agents[kAgent];
  HostOptions how;
  how.log = false;
  ThreadPoolExecutor replies("ingest", 1);
  Host host(std::move(how));
  declare_assistant(host);
  AnswersBenchResult result;
  const MonotonicTime begin = clock.monotonic_now();
  if (const auto failed = host.open(std::move(config))) return failed->error;
  const Served served(host);
  const MonotonicTime opened = clock.monotonic_now();
  RETURN_IF_ERROR(read_documents(host.runtime().memory(), options.docs, replies));
  result.open_s = ms_between(begin, opened) / 1e3;
  result.ingest_s = ms_between(opened, clock.monotonic_now()) / 1e3;
  Questions asked(host, clock);
  for (const AnswerQuestion& question : questions) {
    result.answers.push_back(asked.ask(question));
    if (on_answer) on_answer(result.answers.back());
  }
  return result;
}

}  // namespace mnema
