#include "memory/documents/html_reduce.hpp"

#include <algorithm>
#include <array>

namespace mnema {
namespace {

constexpr std::size_t kDepthMax = 100;
constexpr std::size_t kHiddenDepthMax = 200;  // what is not written costs the parser nothing
constexpr int kPieceTagsMax = 40'000;
constexpr std::size_t kPieceBytesMax = 1 << 20;
constexpr std::size_t kNameBytesMax = 64;

using Names = std::string_view;

/// Whether `name` is one of the words in `names`, which are separated and surrounded by blanks.
bool is_one_of(std::string_view name, Names names) {
  for (std::size_t at = names.find(name); at != Names::npos; at = names.find(name, at + 1)) {
    if (names[at - 1] == ' ' && names[at + name.size()] == ' ') return true;
  }
  return false;
}

constexpr Names kBlocks =
    " address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form header"
    " hgroup main menu ol optgroup search section select summary ul ";
constexpr Names kItems = " li dd dt option ";
constexpr Names kHeadings = " h1 h2 h3 h4 h5 h6 ";
constexpr Names kHidden = " nav template noscript ";
constexpr Names kRaw = " iframe noembed noframes script style textarea title xmp ";
constexpr Names kTableParts = " caption colgroup tbody td tfoot th thead tr ";
// Start tags that end an svg or a formula, by the standard.
constexpr Names kBreakOut =
    " b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta"
    " nobr ol p pre ruby s small span strong strike sub sup table tt u ul var ";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_name(std::string_view text, std::string_view name) {
  return text.size() >= name.size() &&
         std::equal(name.begin(), name.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

const char* heading_name(std::string_view name) {
  constexpr std::array kNames = {"h1", "h2", "h3", "h4", "h5", "h6"};
  return kNames[static_cast<std::size_t>(name[1] - '1')];
}

}  // namespace

std::size_t HtmlPiece::place_of(std::size_t at, std::size_t behind) const {
  const auto after = std::upper_bound(marks.begin(), marks.end(), at,
                                      [](std::size_t place, const Mark& mark) { return place < mark.piece; });
  if (after == marks.begin()) return marks.empty() ? 0 : marks.front().source;
  const Mark& before = *(after - 1);
  const std::size_t source = before.source + (at - before.piece) + behind;
  return after == marks.end() ? source : std::min<std::size_t>(source, after->source);
}

bool HtmlReducer::next(HtmlPiece& piece) {
  if (at_ >= html_.size()) return false;
  piece.page.clear();
  piece.marks.clear();
  piece_ = &piece;
  tags_ = 0;
  tag_begin_ = std::string::npos;
  for (Open& open : open_) {
    open.begin = piece.page.size();
    if (open.as == nullptr || open.hidden) continue;
    piece.page += std::string("<") + open.as + (open.name == "table" ? " c>" : ">");
    open.cell = false;
  }
  while (at_ < html_.size() && tags_ < kPieceTagsMax && piece.page.size() < kPieceBytesMax) {
    const std::size_t sign = std::min(html_.find('<', at_), html_.size());
    if (sign > at_) {
      // A text longer than a piece is divided at a blank.
      std::size_t end = sign;
      if (end - at_ > kPieceBytesMax) {
        end = at_ + kPieceBytesMax;
        const std::size_t blank = html_.find_last_of(" \n", end);
        if (blank != std::string_view::npos && blank > at_ + kPieceBytesMax / 2) end = blank + 1;
        while (end > at_ + 1 && (static_cast<unsigned char>(html_[end]) & 0xc0) == 0x80) --end;
      }
      text(at_, end);
      at_ = end;
      continue;
    }
    Tag tag;
    if (read_tag(at_, tag)) {
      at_ = tag.after;
      if (tag.end)
        on_end(tag);
      else
        on_start(tag);
      if (xml_ && tag.self_closing) on_end(tag);
    } else if (const std::size_t after = skip_declaration(at_); after > at_) {
      at_ = after;
    } else {
      text(at_, at_ + 1);
      ++at_;
    }
  }
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (open_[i].as != nullptr && !open_[i].hidden) piece.page += std::string("</") + open_[i].as + ">";
  }
  piece_ = nullptr;
  return true;
}

/// A tag at `at`; one that the page ends in is none, and takes the rest with it.
bool HtmlReducer::read_tag(std::size_t at, Tag& tag) {
  tag.begin = at;
  std::size_t i = at + 1;
  tag.end = i < html_.size() && html_[i] == '/';
  if (tag.end) ++i;
  if (i >= html_.size() || !is_letter(html_[i])) return false;
  for (; i < html_.size() && !is_space(html_[i]) && html_[i] != '/' && html_[i] != '>'; ++i) {
    if (tag.name.size() <= kNameBytesMax) tag.name += lower(html_[i]);
  }
  // A quote is one only as the beginning of an attribute's value.
  bool value = false;
  for (; i < html_.size(); ++i) {
    const char c = html_[i];
    if (c == '>') {
      tag.self_closing = html_[i - 1] == '/';
      tag.after = i + 1;
      return true;
    }
    if (value && (c == '"' || c == '\'')) {
      const std::size_t close = html_.find(c, i + 1);
      if (close == std::string_view::npos) break;
      i = close;
      value = false;
    } else if (c == '=') {
      value = true;
    } else if (!is_space(c)) {
      value = false;
    }
  }
  tag.name = "!";
  tag.end = false;
  tag.after = html_.size();
  return true;
}

/// One past a comment, a declaration or the like; `at` where there is none.
std::size_t HtmlReducer::skip_declaration(std::size_t at) const {
  const auto past = [&](std::string_view sign, std::size_t from) {
    const std::size_t found = html_.find(sign, from);
    return found == std::string_view::npos ? html_.size() : found + sign.size();
  };
  const std::string_view rest = html_.substr(at);
  if (rest.starts_with("<!-->")) return at + 5;
  if (rest.starts_with("<!--->")) return at + 6;
  if (rest.starts_with("<!--")) {
    for (std::size_t i = html_.find("--", at + 4); i != std::string_view::npos; i = html_.find("--", i + 1)) {
      if (html_.compare(i, 3, "-->") == 0) return i + 3;
      if (html_.compare(i, 4, "--!>") == 0) return i + 4;
    }
    return html_.size();
  }
  if (foreign() && rest.starts_with("<![CDATA[")) return past("]]>", at);
  if (rest.starts_with("<!") || rest.starts_with("<?")) return past(">", at);
  if (rest.starts_with("</") && rest.size() > 2) return past(">", at);
  return at;
}

/// Where the end tag of the raw text that begins at `at` begins.
std::size_t HtmlReducer::raw_end(std::size_t at, std::string_view name) const {
  for (at = html_.find("</", at); at != std::string_view::npos; at = html_.find("</", at + 2)) {
    const std::size_t after = at + 2 + name.size();
    if (!starts_with_name(html_.substr(at + 2), name)) continue;
    if (after >= html_.size() || is_space(html_[after]) || html_[after] == '/' || html_[after] == '>') return at;
  }
  return html_.size();
}

/// The same of a script, which may hold the text of another one inside "<!--".
std::size_t HtmlReducer::script_end(std::size_t at) const {
  enum { kPlain, kEscaped, kDouble } state = kPlain;
  for (; at < html_.size(); ++at) {
    const char c = html_[at];
    if (c != '<' && c != '-') continue;
    const std::string_view rest = html_.substr(at);
    if (rest.starts_with("-->")) {
      state = kPlain;
    } else if (rest.starts_with("<!--")) {
      if (state == kPlain) state = kEscaped;
      ++at;  // so that "<!-->" ends what it begins
    } else if (state == kEscaped && starts_with_name(rest.substr(1), "script")) {
      state = kDouble;
    } else if (rest.starts_with("</") && starts_with_name(rest.substr(2), "script")) {
      if (state != kDouble && raw_end(at, "script") == at) return at;
      state = kEscaped;
    }
  }
  return html_.size();
}

void HtmlReducer::on_start(const Tag& tag) {
  const std::string& name = tag.name;
  if (name == "!") return;
  if (foreign() && is_one_of(name, kBreakOut)) {
    while (foreign()) pop();
  }
  const bool foreign_now = foreign();
  if (is_one_of(name, kRaw) && !(foreign_now && name != "script" && name != "style")) {
    if ((foreign_now || xml_) && tag.self_closing) return;
    const std::size_t begin = at_;
    const std::size_t end = name == "script" && !foreign_now ? script_end(begin) : raw_end(begin, name);
    at_ = end;
    Tag close;
    if (end < html_.size() && read_tag(end, close)) at_ = close.after;
    if (name == "title" && title_.empty()) title_ = html_.substr(begin, end - begin);
    if ((name == "xmp" || name == "textarea") && !hidden()) {
      separate();
      text(begin, end);
      separate();
    }
    return;
  }
  if (name == "plaintext") {
    text(at_, html_.size());
    at_ = html_.size();
    return;
  }
  if (foreign_now) {
    if (tag.self_closing) return;
    if (name == "svg" || name == "math") return push(name, nullptr, false, true);
    if (name == "foreignobject" || name == "annotation-xml") return push(name, nullptr, false, false);
    if (name == "text" || name == "title" || name == "desc") separate();
    return;
  }
  if (name == "svg" || name == "math") {
    if (!tag.self_closing) push(name, nullptr, false, true);
    return;
  }
  if (is_one_of(name, kHidden)) {
    separate();
    return push(name, nullptr, true, false);
  }
  if (name == "br") return this->tag("<br>");
  if (name == "img") return on_image(tag);
  if (is_one_of(name, kTableParts)) return on_table_part(name);
  if (is_one_of(name, kHeadings)) {
    // A heading ends one that was left open.
    if (!open_.empty() && is_one_of(open_.back().name, kHeadings)) pop();
    return push(name, heading_name(name), false, false);
  }
  if (is_one_of(name, kBlocks)) return push(name, "div", false, false);
  if (name == "pre" || name == "listing") return push(name, "pre", false, false);
  if (name == "table") return push(name, "table", false, false);
  if (name == "p") {
    this->tag("<p>");
    paragraph_ = true;
    return;
  }
  if (is_one_of(name, kItems)) return this->tag("<li>");
  if (name == "hr") return separate();
}

/// An image is what it says of itself to those who do not see it.
void HtmlReducer::on_image(const Tag& tag) {
  std::size_t i = tag.begin + sizeof("<img") - 1;
  while (i < tag.after - 1) {
    while (i < tag.after - 1 && (is_space(html_[i]) || html_[i] == '/')) ++i;
    const std::size_t name = i;
    while (i < tag.after - 1 && !is_space(html_[i]) && html_[i] != '=' && html_[i] != '/') ++i;
    const bool alternative = i - name == 3 && starts_with_name(html_.substr(name, 3), "alt");
    while (i < tag.after - 1 && is_space(html_[i])) ++i;
    if (i >= tag.after - 1 || html_[i] != '=') {
      if (i == name) ++i;
      continue;
    }
    do {
      ++i;
    } while (i < tag.after - 1 && is_space(html_[i]));
    std::size_t begin = i;
    std::size_t end = i;
    if (i < tag.after - 1 && (html_[i] == '"' || html_[i] == '\'')) {
      begin = i + 1;
      end = std::min(html_.find(html_[i], begin), tag.after - 1);
      i = end + 1;
    } else {
      while (end < tag.after - 1 && !is_space(html_[end])) ++end;
      i = end;
    }
    if (alternative) return text(begin, end);
  }
}

void HtmlReducer::on_end(const Tag& tag) {
  const std::string& name = tag.name;
  if (name == "br") return this->tag("<br>");
  if (name == "p") {
    if (paragraph_)
      this->tag("</p>");
    else
      separate();
    paragraph_ = false;
    return;
  }
  if (is_one_of(name, kItems)) return separate();
  if (is_one_of(name, kTableParts)) {
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (open_[i].name != "table") continue;
      if (open_[i].hidden) return;
      pop_to(i + 1);
      open_[i].cell = false;
      return;
    }
    return separate();
  }
  const bool heading = is_one_of(name, kHeadings);
  const bool known = heading || is_one_of(name, kBlocks) || is_one_of(name, kHidden) || name == "pre" ||
                     name == "listing" || name == "table" || name == "svg" || name == "math" ||
                     name == "foreignobject" || name == "annotation-xml";
  if (!known) return;
  if (!open_.empty() && open_.back().over > 0 && name != "table" &&
      (open_.back().as != nullptr || open_.back().name != name)) {
    --open_.back().over;
    return separate();
  }
  for (std::size_t i = open_.size(); i-- > 0;) {
    const bool same = open_[i].name == name || (heading && is_one_of(open_[i].name, kHeadings));
    if (same) return pop_to(i);
    // What stands in a cell or a template ends nothing outside of it.
    if (open_[i].name == "table" || open_[i].name == "template") return;
  }
}

void HtmlReducer::on_table_part(const std::string& name) {
  std::size_t table = open_.size();
  while (table > 0 && open_[table - 1].name != "table") --table;
  if (table == 0) return separate();
  if (open_[table - 1].hidden) return;
  pop_to(table);
  Open& open = open_[table - 1];
  if (name == "colgroup") return;
  if (name == "td" || name == "th" || name == "caption") {
    open.cell = true;
    piece_->page += name == "td" ? "<td>" : name == "th" ? "<th>" : "<caption>";
    ++tags_;
    tag_begin_ = std::string::npos;
    paragraph_ = false;
    return;
  }
  open.cell = false;
  tag("<tr>");
}

void HtmlReducer::push(const std::string& name, const char* as, bool hides, bool foreign) {
  const bool hidden_now = hidden() || hides;
  if (open_.size() >= (hidden_now || as == nullptr ? kHiddenDepthMax : kDepthMax)) {
    ++open_.back().over;
    return separate();
  }
  if (as != nullptr && !hidden_now) into_cell();
  open_.push_back({name, as, hidden_now, foreign, false, 0, piece_->page.size()});
  if (as == nullptr || hidden_now) return;
  piece_->page += std::string("<") + as + ">";
  ++tags_;
  tag_begin_ = std::string::npos;
  paragraph_ = false;
}

void HtmlReducer::pop() {
  const Open open = open_.back();
  open_.pop_back();
  if (open.as == nullptr || open.hidden) return;
  const std::string written = std::string("<") + open.as + ">";
  paragraph_ = false;
  if (piece_->page.size() == open.begin + written.size() && piece_->page.ends_with(written)) {
    piece_->page.resize(open.begin);  // it is empty
    while (!piece_->marks.empty() && piece_->marks.back().piece >= open.begin) piece_->marks.pop_back();
    return separate();
  }
  piece_->page += std::string("</") + open.as + ">";
  ++tags_;
  tag_begin_ = std::string::npos;
}

void HtmlReducer::pop_to(std::size_t size) {
  while (open_.size() > size) pop();
}

/// What stands in a table and in none of its cells would be moved before the table by the parser.
void HtmlReducer::into_cell() {
  if (open_.empty() || open_.back().name != "table" || open_.back().cell || open_.back().hidden) return;
  open_.back().cell = true;
  piece_->page += "<tr><td>";
  tags_ += 2;
  tag_begin_ = std::string::npos;
}

void HtmlReducer::text(std::size_t begin, std::size_t end) {
  if (hidden()) return;
  const std::string_view run = html_.substr(begin, end - begin);
  const bool blank = std::all_of(run.begin(), run.end(), is_space);
  if (blank && !open_.empty() && open_.back().name == "table" && !open_.back().cell) return;
  if (!blank) into_cell();
  for (std::size_t at = begin; at < end;) {
    const std::size_t sign = std::min(html_.find('<', at), end);
    mark(at);
    piece_->page += html_.substr(at, sign - at);
    if (sign < end) {
      mark(sign);
      piece_->page += "&lt;";
    }
    at = sign + 1;
  }
  mark(end);
  if (!blank) tag_begin_ = std::string::npos;
}

/// Writes a tag that needs no end, unless the piece ends with the same one.
void HtmlReducer::tag(std::string_view written) {
  if (hidden()) return;
  if (written != "<tr>") into_cell();
  if (tag_begin_ != std::string::npos && std::string_view(piece_->page).substr(tag_begin_).starts_with(written)) return;
  tag_begin_ = piece_->page.size();
  piece_->page += written;
  ++tags_;
  if (written != "<br>") paragraph_ = false;
}

void HtmlReducer::mark(std::size_t source) {
  piece_->marks.push_back({static_cast<std::uint32_t>(piece_->page.size()), static_cast<std::uint32_t>(source)});
}

}  // namespace mnema
