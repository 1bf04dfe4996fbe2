// agents/erase/runtime_parts.hpp
//
// Where a program around agents holds what memory is asked to erase, besides memory itself, as parts of its eraser:
//
//   mailbox    events that wait or are dead, with their errors and their turns' journals; of a turn that runs, the end
//              is waited for
//   outbox     messages that wait or are dead
//   journal    turns that ended, with the results of their steps and their blobs
//   timers     with the events that they would send
//   sessions   recognised chats and their states
//   engine     KV pages, prompt memo, notes of prefixes (Engine::erase): of the user; without one, the tenant
//
// A scope's session is an event's key. One entry of memory is no part of these but the engine's: which event or chat it
// came from is not known.
//
// Threads:   as memory/erase/erase_part.hpp says.
// Ownership: borrows all, which outlive the memory store that carries the parts out.
#pragma once

#include <vector>

#include "inference/engine.hpp"
#include "memory/erase/erase_part.hpp"
#include "runtime/runtime.hpp"

namespace mnema {

[[nodiscard]] std::vector<ErasePart> runtime_parts(Runtime& runtime, Engine& engine);

}  // namespace mnema
