// agents/turn/session.hpp
//
// Which conversation a stateless chat request continues. Clients send the whole history each time; we recognise it by
// the digest of its words up to the last answer, and find under that digest the session and the messages exactly as
// they were laid out before the model, recalled text included. So the prompt's prefix stays byte-identical, and the KV
// pages of the last turn are found again. A history that was edited has another digest: it is a branch, a new session.
//
// Two people whom nobody names may have said, and been answered, the same. Their histories cannot be told apart, so the
// digest then names no session any more, and each goes on in a new one: what one says next is never the other's.
//
// Threads: pure functions and plain values. agents/turn/session_store.hpp keeps them.
#pragma once

#include <string>
#include <vector>

#include "inference/request.hpp"
#include "runtime/base/scope.hpp"

namespace mnema {

/// SHA-256 (32 bytes) over who talks to which agent and every message's role and words. Two histories have the same
/// digest only if a person could not tell them apart; how the text is cut into segments does not count.
/// `speaker.session` is the conversation's name by a client who may say so, else empty.
[[nodiscard]] std::string history_digest(const Scope& speaker, const std::vector<Message>& history);

/// How many messages of `messages` are history: all up to the last assistant message, it included.
[[nodiscard]] std::size_t history_length(const std::vector<Message>& messages);

/// What is remembered under a digest.
struct SessionMemo {
  std::string session;             // its id; empty where several sessions share the digest
  std::vector<Message> laid_out;   // what the model saw after the system message, its own answers included
  std::int64_t last_episode = -1;  // number of the thread's last one that the talk has so far; -1: it was not noted
};

}  // namespace mnema
