#include "inference/chat/jinja_blocks.hpp"

#include "inference/chat/jinja_functions.hpp"
#include "inference/chat/jinja_iteration.hpp"

namespace mnema::jinja {

void run(const Block& block, Rendering& r) {
  const DepthGuard depth(r, 1, "the template nests too deeply");
  for (const Statement& statement : block) {
    if (r.stopped()) break;
    statement(r);
  }
}

std::string captured(const Block& block, Rendering& r) {
  std::string before = std::move(r.out);
  r.out.clear();
  run(block, r);
  std::swap(before, r.out);
  return before;
}

void Target::assign(Rendering& r, const Value& value) const {
  if (!r.error.empty()) return;
  if (!member.empty()) {
    const Value target = r.look_up(name);
    set_in_namespace(r, target, member, value);
  } else if (parts.empty()) {
    r.set(name, value);
  } else {
    const List values = elements_of(r, value);
    if (values.size() != parts.size()) {
      r.fail("cannot unpack " + std::to_string(values.size()) + " values into " + std::to_string(parts.size()) +
             " names");
    }
    for (std::size_t i = 0; i < parts.size() && r.error.empty(); ++i) parts[i].assign(r, values[i]);
  }
}

}  // namespace mnema::jinja
