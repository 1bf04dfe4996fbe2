// agents/message_json.hpp
//
// Prompt messages as JSON, for the journal and the session store, by the same description as everything else.
// Persisted: names of members and enumerators are never changed.
//
// Threads: declarations only.
#pragma once

#include "agents/describe.hpp"
#include "inference/request.hpp"

namespace mnema {

BOOST_DESCRIBE_ENUM(Role, kSystem, kUser, kAssistant, kTool)
BOOST_DESCRIBE_ENUM(Sharing, kPublic, kTenant, kUser)
BOOST_DESCRIBE_ENUM(Trust, kExternal, kUser, kOperator, kSystem)
BOOST_DESCRIBE_ENUM(FinishReason, kStop, kLength, kToolCalls, kCancelled, kFailed)
BOOST_DESCRIBE_STRUCT(Segment, (), (text, sharing, trust, label))
BOOST_DESCRIBE_STRUCT(ToolCall, (), (id, name, arguments))
BOOST_DESCRIBE_STRUCT(Message, (), (role, content, reasoning, tool_calls, tool_call_id, name))

}  // namespace mnema
