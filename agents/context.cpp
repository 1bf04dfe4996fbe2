#include "agents/context.hpp"

#include <algorithm>
#include <charconv>

#include "agents/turn/turn.hpp"
#include "agents/turn/turn_version.hpp"
#include "connectors/http/client.hpp"
#include "connectors/response_watch.hpp"
#include "memory/semantic/extract.hpp"
#include "memory/store.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

/// How many events in a row agents have sent one another, as an extension of CloudEvents.
constexpr const char* kHopsAttribute = "mnemahops";
constexpr const char* kAgentSource = "agent:";

/// Only what agents have sent counts: in an event from outside the attribute may say anything.
int hops_of(const Event& event) {
  const auto known = event.attributes.find(kHopsAttribute);
  if (known == event.attributes.end() || !event.source.starts_with(kAgentSource)) return 0;
  int hops = 0;
  const std::string& text = known->second;
  std::from_chars(text.data(), text.data() + text.size(), hops);
  return std::clamp(hops, 0, 1'000'000);
}

std::string hash_of_query(const RecallQuery& query) {
  Sha256 hash;
  hash.update_field(query.text).update_field(std::to_string(query.hits_max)).update_field(query.collection);
  hash.update_field(query.thread_excluded);
  hash.update_field(query.kind ? std::to_string(static_cast<int>(*query.kind)) : "any");
  hash.update_field(query.from ? std::to_string(to_micros(*query.from)) : "");
  hash.update_field(query.to ? std::to_string(to_micros(*query.to)) : "");
  for (const std::string& uri : query.uris_excluded) hash.update_field(uri);
  for (const EntryId id : query.excluded) hash.update_field(std::to_string(id));
  return effect_free(hash.finish_hex());
}

std::string hash_of_query(const FactQuery& query) {
  Sha256 hash;
  hash.update_field(query.text).update_field(query.subject).update_field(query.predicate);
  hash.update_field(query.valid ? std::to_string(to_micros(*query.valid)) : "");
  hash.update_field(query.known ? std::to_string(to_micros(*query.known)) : "");
  hash.update_field(std::to_string(query.facts_max)).update_field(std::to_string(query.bytes_max));
  return effect_free(hash.finish_hex());
}

std::string hash_of_step(const std::string& arguments, bool has_effects) {
  const std::string hash = sha256_hex(arguments);
  return has_effects ? hash : effect_free(hash);
}

}  // namespace

const Event& StepContext::event() const { return turn_.event(); }

std::vector<Event> StepContext::events() const {
  std::vector<Event> all{turn_.event()};
  for (const auto& event : turn_.batch()) all.push_back(*event);
  return all;
}

std::string StepContext::claim_path() {
  const std::string ordinal = std::to_string(++steps_);
  return path_.empty() ? ordinal : path_ + "." + ordinal;
}

Time StepContext::now() {
  const StepStart step{claim_path(), "now", ""};
  return from_micros(std::stoll(
      turn_.steps().value(step, [this] { return std::to_string(to_micros(turn_.services().clock.now())); })));
}

std::string StepContext::uuid() {
  const StepStart step{claim_path(), "uuid", ""};
  return turn_.steps().value(step, [this] { return turn_.services().random.uuid(); });
}

std::uint64_t StepContext::random() {
  const StepStart step{claim_path(), "random", ""};
  return std::stoull(turn_.steps().value(step, [this] { return std::to_string(turn_.services().random.next_u64()); }));
}

task<std::string> StepContext::run_step(std::string path, std::string name, std::string arguments, StepBody body) {
  const StepStart start{path, name, hash_of_step(arguments, body.has_effects)};
  TurnSteps& steps = turn_.steps();
  const bool repeatable = body.repeatable || !body.has_effects;
  const EffectStart when = body.acts_itself                                    ? EffectStart::kBeforeBody
                           : turn_.services().calling->contains(body.function) ? EffectStart::kWithCall
                                                                               : EffectStart::kUntilCall;
  BegunEffect begun = co_await Step<BegunEffect>(steps.begin_effect(start, repeatable, when));
  turn_.saw(Trust::kExternal);  // what others answered is in the result
  if (begun.known) co_return begun.value;

  if (begun.uncertain) {
    if (!body.reconcile) {
      const Error doubt = fail(ErrorCode::kInDoubt,
                               "step '" + name + "' was begun before a crash, and nobody knows whether it happened",
                               "find out, then redrive the turn from step " + path + " to do it, or drop the event");
      co_await Step<void>(steps.end_effect(start, doubt));
    }
    ToolCtx asker(turn_, path, nullptr, true, ToolCtx::Purpose::kReconcile);
    task<std::optional<std::string>> asking = body.reconcile(asker);
    std::optional<std::string> happened = co_await std::move(asking);
    if (happened) {
      co_await Step<void>(steps.end_effect(start, *happened));
      co_return *happened;
    }
    co_await Step<BegunEffect>(steps.begin_effect(start, true));
  }

  ToolCtx tool(turn_, path, body.function, repeatable, ToolCtx::Purpose::kAct);
  // No co_await inside a catch block: the failure is carried out of it first.
  Result<std::string> result = Error{};
  try {
    task<std::string> running = body.run(tool);
    result = co_await std::move(running);
  } catch (const Failure& failure) {
    result = failure.error();
  } catch (const std::exception& other) {
    result = fail(ErrorCode::kInternal, "step '" + name + "' threw: " + other.what());
  }
  if (!result.ok() && result.error().never_left && steps.has_left(path)) {
    Error last = result.error();
    last.never_left = false;  // but an earlier call of this step did
    result = std::move(last);
  }
  // Left as `started`: the turn is tried again, finds it so, and asks.
  if (!result.ok() && result.error().code == ErrorCode::kInDoubt && body.reconcile) {
    Error later = result.error();
    later.retryable = true;
    throw Failure(later);
  }
  co_await Step<void>(steps.end_effect(start, result));
  co_return *result;
}

std::shared_ptr<StepOperation> StepContext::run_blocking(std::string path, std::string name, std::string arguments,
                                                         std::function<std::string()> work) {
  const StepStart start{std::move(path), std::move(name), hash_of_step(arguments, false)};
  return turn_.steps().query(start, [this, work = std::move(work)](TurnSteps::Finish finish) {
    turn_.services().blocking.post([work, finish = std::move(finish), strand = turn_.strand()] {
      Result<std::string> result = Error{};
      try {
        result = work();
      } catch (const Failure& failure) {
        result = failure.error();
      } catch (const std::exception& other) {
        result = fail(ErrorCode::kInternal, std::string("blocking work threw: ") + other.what());
      }
      strand->post([finish, result] { finish(result); });
    });
  });
}

ToolCtx::ToolCtx(Turn& turn, const std::string& path, const void* function, bool repeatable, Purpose purpose)
    : StepContext(turn, purpose == Purpose::kAct ? path : path + ".0"),
      step_path_(path),
      function_(function),
      key_(idempotency_key(turn.steps().identity(), path)),
      repeatable_(repeatable),
      purpose_(purpose) {}

Step<ConnectorAnswer> ToolCtx::call(std::string connector, const ConnectorCall& call) {
  HttpClient* client = turn_.services().http ? turn_.services().http(connector) : nullptr;
  if (!client) {
    throw Failure(fail(ErrorCode::kNotFound, "there is no HTTP connector '" + connector + "'",
                       "declare it under [connectors." + connector + "]"));
  }
  HttpCall http;
  http.method = call.method;
  http.path = call.path;
  http.body = call.body;
  http.content_type = call.content_type;
  http.repeatable = repeatable_;
  std::function<void(bool)> ended = [](bool) {};
  if (purpose_ == Purpose::kAct) {
    if (function_) turn_.services().calling->add(function_);
    EffectCall effect = turn_.steps().begin_call(step_path_);
    http.before_leaving = std::move(effect.before_leaving);
    http.did_not_leave = std::move(effect.did_not_leave);
    ended = std::move(effect.ended);
  }
  // Two calls of one step are two effects.
  http.idempotency_key = key_ + (purpose_ == Purpose::kReconcile ? "-reconcile" : "");
  if (++calls_ > 1) http.idempotency_key += "-" + std::to_string(calls_);
  return Step<ConnectorAnswer>(turn_.steps().external("call", [&](TurnSteps::Finish finish) {
    const std::weak_ptr<HttpClient::Call> running =
        client->send(std::move(http), *turn_.strand(),
                     [finish = std::move(finish), ended, strand = turn_.strand(), watch = client->watch(),
                      method = call.method, path = call.path](Result<HttpReply> reply) {
                       ended(reply.ok() || !reply.error().never_left);
                       if (!reply.ok()) return finish(reply.error());
                       if (watch != nullptr) {
                         const Status same = watch->check(method, path, reply->status, reply->headers, reply->body);
                         if (!same.ok()) return finish(same.error());
                       }
                       const ConnectorAnswer answer{reply->status, std::move(reply->body), reply->attempts};
                       finish(boost::json::serialize(to_json(answer)));
                     });
    turn_.stop_with([running] {
      if (const auto call_in_flight = running.lock()) call_in_flight->cancel();
    });
  }));
}

Ctx::Ctx(Turn& turn) : StepContext(turn, "") {}

const std::string& Ctx::agent() const { return turn_.agent().name; }
const std::string& Ctx::key() const { return turn_.event().key; }
const Scope& Ctx::scope() const { return turn_.scope(); }
std::string Ctx::thread() const { return turn_.thread(); }
bool Ctx::in_chat() const { return turn_.chat() != nullptr; }
void Ctx::task_failed(std::string because) {
  turn_.note_failure(because.empty() ? "the agent says so" : std::move(because));
}
Budget& Ctx::budget() const { return turn_.budget(); }
void* Ctx::state_of(std::type_index type) { return turn_.state(type); }

Step<Recalled> Ctx::recall(const RecallQuery& query) {
  const StepStart start{claim_path(), "recall", hash_of_query(query)};
  RecallQuery asked = query;
  asked.scope = asker_of(turn_.scope());
  asked.uncommitted = turn_.writes().episodes;
  const auto ask = [&](TurnSteps::Finish finish) {
    const MonotonicTime began = turn_.services().clock.monotonic_now();
    turn_.services().memory.recall(
        std::move(asked), *turn_.strand(),
        [turn = turn_.shared_from_this(), finish = std::move(finish), began](Result<Recalled> recalled) {
          turn->report().recall += turn->services().clock.monotonic_now() - began;
          if (!recalled.ok()) return finish(recalled.error());
          finish(boost::json::serialize(to_json(*recalled)));
        });
  };
  // The step is in a frame of the turn, and goes with it.
  return Step<Recalled>(turn_.steps().query(start, ask), [turn = &turn_](const Recalled& recalled) {
    for (const RecallHit& hit : recalled.hits) turn->saw(hit.source.trust);
    if (!recalled.hits.empty()) turn->saw_memory();
  });
}

Step<Recalled> Ctx::recall(std::string text) {
  RecallQuery query;
  query.text = std::move(text);
  return recall(query);
}

Step<Facts> Ctx::facts(const FactQuery& query) {
  const StepStart start{claim_path(), "facts", hash_of_query(query)};
  FactQuery asked = query;
  asked.scope = asker_of(turn_.scope());
  const auto ask = [&](TurnSteps::Finish finish) {
    turn_.services().memory.facts(
        std::move(asked), *turn_.strand(),
        [turn = turn_.shared_from_this(), finish = std::move(finish)](const Result<Facts>& known) {
          if (!known.ok()) return finish(known.error());
          finish(boost::json::serialize(to_json(*known)));
        });
  };
  return Step<Facts>(turn_.steps().query(start, ask), [turn = &turn_](const Facts& known) {
    for (const Fact& fact : known.facts) turn->saw(fact.trust);
    if (!known.facts.empty()) turn->saw_memory();
  });
}

Step<Facts> Ctx::facts(std::string text) {
  FactQuery query;
  query.text = std::move(text);
  return facts(query);
}

Step<Block> Ctx::block(std::string name) { return block_at(claim_path(), std::move(name)); }

Step<Block> Ctx::block_at(std::string path, std::string name) {
  if (const Status named = check_block_name(name); !named.ok()) throw Failure(named.error());
  const StepStart start{path, "block", effect_free(sha256_hex(name))};
  turn_.note_block_read(path);
  const auto ask = [&](TurnSteps::Finish finish) {
    turn_.services().memory.blocks(
        asker_of(turn_.scope()), *turn_.strand(),
        [turn = turn_.shared_from_this(), finish = std::move(finish), name](const Result<std::vector<Block>>& seen) {
          if (!seen.ok()) return finish(seen.error());
          Block block;
          block.scope = owner_of(turn->scope(), MemoryReach::kUser);
          block.name = name;
          block.trust = Trust::kOperator;  // an empty text is nobody's
          for (const Block& known : *seen) {
            if (known.name == name) block = known;
          }
          const BlockLimits& limits = turn->services().memory.block_limits();
          block = with_edits(std::move(block), turn->pending_writes().blocks, limits);
          finish(boost::json::serialize(to_json(block)));
        });
  };
  return Step<Block>(turn_.steps().query(start, ask), [turn = &turn_](const Block& block) {
    turn->saw(block.trust);
    if (!block.text.empty()) turn->saw_memory();
  });
}

void Ctx::append(Block& block, const std::string& line) {
  BlockEdit change;
  change.kind = BlockEditKind::kAppend;
  change.text = line;
  edit(block, std::move(change));
}

void Ctx::replace(Block& block, const std::string& part, const std::string& text) {
  BlockEdit change;
  change.kind = BlockEditKind::kReplace;
  change.replaced = part;
  change.text = text;
  edit(block, std::move(change));
}

void Ctx::set(Block& block, const std::string& text) {
  BlockEdit change;
  change.text = text;
  const std::vector<BlockEdit>& edits = turn_.writes().blocks;
  const auto is_this = [&](const BlockEdit& other) { return other.name == block.name; };
  const auto first = static_cast<std::size_t>(std::find_if(edits.begin(), edits.end(), is_this) - edits.begin());
  edit(block, std::move(change));
  // What was read is what the turn's first change of it must meet at the commit; later ones meet that one.
  std::optional<std::int64_t>& version = turn_.writes().blocks[first].version;
  if (!version) version = block.version;
}

void Ctx::edit(Block& block, BlockEdit change) {
  change.scope = owner_of(turn_.scope(), MemoryReach::kUser);
  change.name = block.name;
  change.trust = turn_.trust();
  change.by = "agent " + agent();
  if (block.version > 0 && block.scope != change.scope) {
    throw Failure(fail(ErrorCode::kPermissionDenied,
                       "block '" + block.name + "' is the agent's for everybody, and no turn may change it",
                       "an operator can: mnema memory blocks set"));
  }
  block.text = value_or_throw(edited(block.text, change, turn_.services().memory.block_limits()));
  turn_.writes().blocks.push_back(std::move(change));
}

PromptPlan Ctx::prompt() const {
  PromptPlan plan(turn_.trust());
  plan.system(turn_.agent().system, Trust::kSystem);
  if (const ChatTurn* chat = turn_.chat()) {
    plan.history(chat->history);
    if (!chat->system.empty()) plan.known(chat->system, weakest(event().trust, Trust::kUser));
  }
  return plan;
}

void Ctx::send(std::string destination, std::string body, std::string content_type) {
  OutboxMessage message;
  message.tenant = turn_.scope().tenant;
  message.agent = agent();
  message.destination = std::move(destination);
  message.key = key();
  message.idempotency_key = idempotency_key(turn_.steps().identity(), claim_path());
  message.content_type = std::move(content_type);
  message.body = std::move(body);
  message.traceparent = event().traceparent;
  message.turn = turn_.steps().identity().turn;
  turn_.writes().messages.push_back(std::move(message));
}

void Ctx::remember(Episode episode) {
  remember(std::move(episode), turn_.chat() ? MemoryReach::kUser : turn_.agent().remembers);
}

void Ctx::remember(Episode episode, MemoryReach reach) {
  if (turn_.is_client_task()) return;
  episode.scope = owner_of(turn_.scope(), reach);
  if (episode.thread.empty()) episode.thread = thread();
  if (episode.time == Time{}) episode.time = now();
  if (episode.role != "user") {
    episode.trust = weakest(episode.trust, turn_.trust());
    if (turn_.has_seen_memory()) episode.attributes[kFromMemory] = "1";
  }
  turn_.writes().episodes.push_back(std::move(episode));
}

void Ctx::send_event(AgentEvent event) {
  if (event.agent.empty()) throw Failure(fail(ErrorCode::kInvalidArgument, "an event for an agent names no agent"));
  const int hops = 1 + hops_of(this->event());
  if (hops > turn_.services().limits.agent_hops_max) {
    throw Failure(fail(ErrorCode::kFailedPrecondition,
                       "agents have woken one another " + std::to_string(hops - 1) + " times in a row",
                       "end the circle, or raise limits.agent_hops_max"));
  }
  Timer sent;  // due at once: so it is on disk with the turn, and comes exactly if that was committed
  sent.name = agent() + "/" + key() + "/" + idempotency_key(turn_.steps().identity(), claim_path());
  sent.at = turn_.services().clock.now();
  sent.event.source = kAgentSource + agent();
  sent.event.type = std::move(event.type);
  sent.event.tenant = turn_.scope().tenant;
  sent.event.user = turn_.scope().user;
  sent.event.agent = std::move(event.agent);
  sent.event.key = std::move(event.key);
  sent.event.data = std::move(event.data);
  sent.event.trust = turn_.trust();
  sent.event.traceparent = this->event().traceparent;
  sent.event.attributes[kHopsAttribute] = std::to_string(hops);
  turn_.writes().timers.push_back(std::move(sent));
}

void Ctx::wake_at(std::string name, Time at, std::string data) {
  Timer timer;
  timer.name = std::move(name);
  timer.at = at;
  timer.event.type = "timer";
  timer.event.tenant = turn_.scope().tenant;
  timer.event.agent = agent();
  timer.event.key = key();
  timer.event.data = std::move(data);
  timer.event.trust = turn_.trust();
  turn_.writes().timers.push_back(std::move(timer));
}

void Ctx::cancel_wake(const std::string& name) {
  TurnWrites& writes = turn_.writes();
  std::erase_if(writes.timers, [&name](const Timer& timer) { return timer.name == name; });
  writes.timers_cancelled.push_back(name);
}

template class Step<Recalled>;
template class Step<Facts>;
template class Step<Block>;
template class Step<ConnectorAnswer>;

}  // namespace mnema
