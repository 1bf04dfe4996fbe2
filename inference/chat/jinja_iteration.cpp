#include "inference/chat/jinja_iteration.hpp"

#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.list() != nullptr || value.dict() != nullptr || value.string() != nullptr ||
         (value.object() != nullptr && value.object()->is_iterator());
}

std::optional<Value> Walk::next(Rendering& r) {
  if (!r.step()) return std::nullopt;
  if (const List* list = over_.list()) {
    if (at_ < list->size()) return (*list)[at_++];
  } else if (const Dict* dict = over_.dict()) {
    if (at_ < dict->members.size()) return dict->members[at_++].first;
  } else if (const std::string* text = over_.string()) {
    if (at_ < text->size()) {
      const std::size_t begin = at_;
      at_ += character_at(*text, at_).bytes;
      return Value(text->substr(begin, at_ - begin));  // plain, even where the text went through |safe
    }
  } else if (Object* object = over_.object(); object != nullptr && object->is_iterator()) {
    return object->next(r);
  } else if (!over_.is_undefined()) {
    r.fail("a value of type " + std::string(over_.type_name()) + " is not iterable");
  }
  return std::nullopt;
}

std::optional<std::size_t> Walk::length() const {
  if (over_.is_undefined()) return 0;
  if (over_.list() != nullptr) return over_.list()->size();
  if (over_.dict() != nullptr) return over_.dict()->members.size();
  if (over_.string() != nullptr) return characters_in(*over_.string());
  return std::nullopt;
}

List elements_of(Rendering& rendering, const Value& value) {
  if (const List* list = value.list()) return rendering.step(list->size()) ? *list : List{};
  List out;
  Walk walk(value);
  while (std::optional<Value> element = walk.next(rendering)) out.push_back(std::move(*element));
  return out;
}

std::optional<Value> Generator::next(Rendering& r) {
  const DepthGuard depth(r, 1, "iterators are nested too deeply");
  if (ended_ || !r.error.empty()) return std::nullopt;
  std::optional<Value> element = next_(r, walk_, arguments_);
  ended_ = !element;
  return element;
}

void Generator::release(List& into) {
  walk_.release(into);
  for (Value& value : arguments_.positional) into.push_back(std::move(value));
  for (auto& [name, value] : arguments_.named) into.push_back(std::move(value));
}

}  // namespace mnema::jinja
